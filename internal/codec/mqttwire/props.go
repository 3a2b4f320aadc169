package mqttwire

import "encoding/binary"

// will stands for the will's properties among the packet types.
const will = 0

// usable says in which packets a property may stand (MQTT 5 table 2-4).
func usable(number int) uint16 {
	in := func(types ...int) (mask uint16) {
		for _, t := range types {
			mask |= 1 << t
		}
		return mask
	}
	switch number {
	case PropPayloadFormat, PropMessageExpiry, PropContentType, PropResponseTopic, PropCorrelation:
		return in(PUBLISH, will)
	case PropSubscriptionID:
		return in(PUBLISH, SUBSCRIBE)
	case PropSessionExpiry:
		return in(CONNECT, CONNACK, DISCONNECT)
	case PropAssignedClientID, PropServerKeepAlive, PropResponseInfo, PropMaximumQoS, PropRetainAvailable, PropWildcardSubs, PropSubscriptionIDs, PropSharedSubs:
		return in(CONNACK)
	case PropAuthMethod, PropAuthInfo:
		return in(CONNECT, CONNACK, AUTH)
	case PropRequestProblem, PropRequestResponse:
		return in(CONNECT)
	case PropWillDelay:
		return in(will)
	case PropServerReference:
		return in(CONNACK, DISCONNECT)
	case PropReason:
		return in(CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH)
	case PropReceiveMaximum, PropTopicAliasMax, PropMaximumPacket:
		return in(CONNECT, CONNACK)
	case PropTopicAlias:
		return in(PUBLISH)
	case PropUser:
		return 0xFFFF
	}
	return 0
}

// props reads the properties of a packet; nil when there are none.
func (r *reader) props(kind int) *Properties {
	n := r.varint()
	if r.err != nil || n == 0 {
		return nil
	}
	if n > len(r.b) {
		r.fail(malformed("the properties are longer than their packet"))
		return nil
	}
	in := reader{b: r.b[:n]}
	r.b = r.b[n:]
	p := &Properties{}
	for len(in.b) > 0 && in.err == nil {
		number := in.varint()
		if in.err == nil && (number > 63 || usable(number)&(1<<kind) == 0) {
			in.fail(violates("a property stands where it may not"))
		}
		if p.Given(number) && number != PropUser && !(number == PropSubscriptionID && kind == PUBLISH) {
			in.fail(violates("a property is given twice"))
		}
		if in.err != nil {
			break
		}
		p.Set(number)
		in.one(p, number)
	}
	r.fail(in.err)
	return p
}

func (r *reader) one(p *Properties, number int) {
	flag := func() byte {
		b := r.byte()
		if b > 1 {
			r.fail(violates("a property is neither 0 nor 1"))
		}
		return b
	}
	switch number {
	case PropPayloadFormat:
		p.PayloadFormat = flag()
	case PropMessageExpiry:
		p.MessageExpiry = r.uint32()
	case PropContentType:
		p.ContentType = r.text()
	case PropResponseTopic:
		p.ResponseTopic = r.text()
	case PropCorrelation:
		p.Correlation = r.bytes()
	case PropSubscriptionID:
		n := r.varint()
		if n == 0 {
			r.fail(violates("a subscription identifier is 0"))
		}
		p.SubscriptionIDs = append(p.SubscriptionIDs, uint32(n))
	case PropSessionExpiry:
		p.SessionExpiry = r.uint32()
	case PropAssignedClientID:
		p.AssignedClientID = r.text()
	case PropServerKeepAlive:
		p.ServerKeepAlive = r.uint16()
	case PropAuthMethod:
		p.AuthMethod = r.text()
	case PropAuthInfo:
		p.AuthInfo = r.bytes()
	case PropRequestProblem:
		p.RequestProblem = flag()
	case PropWillDelay:
		p.WillDelay = r.uint32()
	case PropRequestResponse:
		p.RequestResponse = flag()
	case PropResponseInfo:
		p.ResponseInfo = r.text()
	case PropServerReference:
		p.ServerReference = r.text()
	case PropReason:
		p.Reason = r.text()
	case PropReceiveMaximum:
		if p.ReceiveMaximum = r.uint16(); p.ReceiveMaximum == 0 {
			r.fail(violates("the receive maximum is 0"))
		}
	case PropTopicAliasMax:
		p.TopicAliasMax = r.uint16()
	case PropTopicAlias:
		p.TopicAlias = r.uint16()
	case PropMaximumQoS:
		p.MaximumQoS = flag()
	case PropRetainAvailable:
		p.RetainAvailable = flag()
	case PropUser:
		p.User = append(p.User, [2]string{r.text(), r.text()})
	case PropMaximumPacket:
		if p.MaximumPacket = r.uint32(); p.MaximumPacket == 0 {
			r.fail(violates("the maximum packet size is 0"))
		}
	case PropWildcardSubs:
		p.WildcardSubs = flag()
	case PropSubscriptionIDs:
		p.SubscriptionID = flag()
	case PropSharedSubs:
		p.SharedSubs = flag()
	}
}

// appendProps writes properties with their length, in order of their numbers.
func appendProps(out []byte, p *Properties) []byte {
	if p == nil {
		return append(out, 0)
	}
	var b []byte
	for number := range 64 {
		if !p.Given(number) {
			continue
		}
		switch number {
		case PropUser:
			for _, u := range p.User {
				b = appendText(appendText(append(b, PropUser), u[0]), u[1])
			}
			continue
		case PropSubscriptionID:
			for _, id := range p.SubscriptionIDs {
				b = appendVarint(append(b, PropSubscriptionID), int(id))
			}
			continue
		}
		b = append(b, byte(number))
		switch number {
		case PropPayloadFormat:
			b = append(b, p.PayloadFormat)
		case PropMessageExpiry:
			b = binary.BigEndian.AppendUint32(b, p.MessageExpiry)
		case PropContentType:
			b = appendText(b, p.ContentType)
		case PropResponseTopic:
			b = appendText(b, p.ResponseTopic)
		case PropCorrelation:
			b = appendText(b, string(p.Correlation))
		case PropSessionExpiry:
			b = binary.BigEndian.AppendUint32(b, p.SessionExpiry)
		case PropAssignedClientID:
			b = appendText(b, p.AssignedClientID)
		case PropServerKeepAlive:
			b = binary.BigEndian.AppendUint16(b, p.ServerKeepAlive)
		case PropAuthMethod:
			b = appendText(b, p.AuthMethod)
		case PropAuthInfo:
			b = appendText(b, string(p.AuthInfo))
		case PropRequestProblem:
			b = append(b, p.RequestProblem)
		case PropWillDelay:
			b = binary.BigEndian.AppendUint32(b, p.WillDelay)
		case PropRequestResponse:
			b = append(b, p.RequestResponse)
		case PropResponseInfo:
			b = appendText(b, p.ResponseInfo)
		case PropServerReference:
			b = appendText(b, p.ServerReference)
		case PropReason:
			b = appendText(b, p.Reason)
		case PropReceiveMaximum:
			b = binary.BigEndian.AppendUint16(b, p.ReceiveMaximum)
		case PropTopicAliasMax:
			b = binary.BigEndian.AppendUint16(b, p.TopicAliasMax)
		case PropTopicAlias:
			b = binary.BigEndian.AppendUint16(b, p.TopicAlias)
		case PropMaximumQoS:
			b = append(b, p.MaximumQoS)
		case PropRetainAvailable:
			b = append(b, p.RetainAvailable)
		case PropMaximumPacket:
			b = binary.BigEndian.AppendUint32(b, p.MaximumPacket)
		case PropWildcardSubs:
			b = append(b, p.WildcardSubs)
		case PropSubscriptionIDs:
			b = append(b, p.SubscriptionID)
		case PropSharedSubs:
			b = append(b, p.SharedSubs)
		}
	}
	return append(appendVarint(out, len(b)), b...)
}
