package fhir

import (
	"strings"
)

// Code systems and identifier systems of FHIR R4 (§4.3, terminologies-systems)
// and, for MDC, of the HL7 Point-of-Care and Personal Health Device guides.
const (
	systemMDC            = "urn:iso:std:iso:11073:10101"
	systemLOINC          = "http://loinc.org"
	systemUCUM           = "http://unitsofmeasure.org"
	systemSNOMED         = "http://snomed.info/sct"
	systemRefID          = "urn:id:MDC" // names of 11073 terms that have no number
	systemURI            = "urn:ietf:rfc:3986"
	SystemEUI64          = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
	systemCategory       = "http://terminology.hl7.org/CodeSystem/observation-category"
	systemAbsent         = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
	systemInterpretation = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
	systemActReason      = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemActCode        = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	systemIdentifierType = "http://terminology.hl7.org/CodeSystem/v2-0203"
	systemParticipant    = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	systemTable          = "http://terminology.hl7.org/CodeSystem/v2-"
	profileBase          = "http://hl7.org/fhir/StructureDefinition/"
)

// codeSystem gives the URI of a coding system as HL7 v2 names it (HL7 table
// 0396), and whether it is one that receivers know. A local system (L, 99zzz,
// or none) has no URI.
func codeSystem(name string) string {
	switch name {
	case "":
		return ""
	case "MDC", "ISO11073", "ISO11073_10101":
		return systemMDC
	case "LN", "LOINC":
		return systemLOINC
	case "UCUM", "UCUM-H":
		return systemUCUM
	case "SCT", "SNOMED-CT", "SCT2":
		return systemSNOMED
	case "I10", "ICD10":
		return "http://hl7.org/fhir/sid/icd-10"
	case "I10C":
		return "http://hl7.org/fhir/sid/icd-10-cm"
	case "I9C", "I9CDX":
		return "http://hl7.org/fhir/sid/icd-9-cm"
	case "CVX":
		return "http://hl7.org/fhir/sid/cvx"
	case "NDC":
		return "http://hl7.org/fhir/sid/ndc"
	case "RXNORM", "RXN":
		return "http://www.nlm.nih.gov/research/umls/rxnorm"
	case "C4", "CPT":
		return "http://www.ama-assn.org/go/cpt"
	case "L":
		return ""
	}
	if strings.HasPrefix(name, "99") {
		return ""
	}
	if n, ok := strings.CutPrefix(name, "HL7"); ok && len(n) == 4 && isDigits(n) {
		return systemTable + n
	}
	return uriOf(name)
}

// uriOf makes a URI of an assigning authority or coding system as sent: a URI
// stays, an OID becomes urn:oid:, a UUID urn:uuid:, and a bare name
// urn:id:NAME. What is no letter, digit, '.' or '-' is written _XX in hex
// (not %XX, which servers decode once too often or too seldom), so that two
// names never give the same URI.
func uriOf(name string) string {
	if name == "" {
		return ""
	}
	if isOID(name) {
		return "urn:oid:" + name
	}
	if i := strings.IndexByte(name, ':'); i > 1 && isScheme(name[:i]) && !strings.ContainsAny(name, " \t\r\n\"<>\\^`{|}") && printable(name) {
		return name
	}
	if isUUID(name) {
		return "urn:uuid:" + strings.ToLower(name)
	}
	return string(appendName(append(make([]byte, 0, len(name)+7), "urn:id:"...), name))
}

func appendName(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' {
			b = append(b, c)
			continue
		}
		b = append(b, '_', hexDigits[c>>4], hexDigits[c&15])
	}
	return b
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return true
}

func isOID(s string) bool {
	if len(s) < 3 || s[0] < '0' || s[0] > '2' || s[1] != '.' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '.' && (c < '0' || c > '9') || c == '.' && (i+1 == len(s) || s[i+1] == '.') {
			return false
		}
	}
	return true
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// appendEscaped adds s with everything escaped that has a meaning in a query
// (RFC 3986 §2.3: only unreserved characters stay).
func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			b = append(b, c)
			continue
		}
		b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
	}
	return b
}
