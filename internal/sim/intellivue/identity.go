package intellivue

import (
	"cmp"
	"time"
)

// identity are the attributes of the monitor itself (PIPG p. 92 to 96), of one
// group or, with 0, of all.
func (m *Monitor) identity(now time.Time, group uint16) [][]byte {
	production := func(kind, component uint16, s string) []byte { return join(u16(kind, component), label(s)) }
	system := [][]byte{
		attribute(attrSystemType, u16(partObject, deviceMonitor)),
		attribute(attrModel, join(label(cmp.Or(m.Manufacturer, "Thalamus Simulation")), label(cmp.Or(m.Model, "MX800")))),
		attribute(attrSystemID, sized(m.mac().bytes)),
		attribute(attrNomVersion, u32(0x00010000)),
		attribute(attrLocal, join(u32(0x00040000), u16(1, 11))),
	}
	application := [][]byte{
		attribute(attrHandle, u16(0)),
		attribute(attrAssociation, u16(1)),
		attribute(attrMDSState, u16(6)),
		attribute(attrBedLabel, text(m.Bed.Ward+" "+number(m.Bed.Number))),
		attribute(attrMode, u16(0x4000)),
		attribute(attrArea, u16(2)),
		attribute(attrTimeAbs, absolute(now.Add(m.clock))),
		attribute(attrTimeRel, u32(m.ticks(now))),
		attribute(attrAltitude, u16(0)),
		attribute(attrLineFreq, u16(1)),
	}
	products := [][]byte{attribute(attrProduction, list(
		production(1, 0x0008, m.serial()), production(2, 0x0008, "SIM-865240"), production(4, 0x0058, cmp.Or(m.Software, "M.04.01"))))}
	switch group {
	case groupSysID:
		return system
	case groupSysAppl:
		return application
	case groupSysProd:
		return products
	case 0:
		return append(append(system, application...), products...)
	}
	return nil
}

func number(n int) string {
	if n > 9 {
		return number(n/10) + number(n%10)
	}
	return string(rune('0' + n))
}

// patient are the attributes of who lies there (PIPG p. 103 to 105).
func (m *Monitor) patient() [][]byte {
	p := m.Bed.Patient
	sex := uint16(2)
	if p.Sex == "M" {
		sex = 1
	}
	born, _ := time.Parse("20060102", p.Born)
	height, weight := 158+m.Bed.Number*7%32, 54+m.Bed.Number*11%48
	return [][]byte{
		attribute(attrHandle, u16(0x0301)),
		attribute(attrPatState, u16(2)), // admitted
		attribute(attrPatType, u16(1)),  // adult
		attribute(attrPatPaced, u16(0)),
		attribute(attrPatGiven, text(p.Given)), attribute(attrPatFamily, text(p.Family)), attribute(attrPatID, text(p.MRN)),
		attribute(attrPatSex, u16(sex)), attribute(attrPatBorn, absolute(born)),
		attribute(attrPatHeight, join(float(height, 0), u16(unitCm))), attribute(attrPatWeight, join(float(weight, 0), u16(unitKg))),
	}
}

// Beacon is the connect indication that a monitor tells the network every ten
// seconds (PIPG p. 53, 65): where it is and that it exports over UDP.
func (m *Monitor) Beacon(now time.Time) []byte {
	ip := m.Address.Addr().Unmap()
	four := []byte{0, 0, 0, 0}
	if ip.Is4() {
		a := ip.As4()
		four = a[:]
	}
	about := list(
		attribute(attrSystemType, u16(partObject, deviceMonitor)),
		attribute(attrProtocols, list(u16(1, 1, m.Address.Port(), 0), u16(5, 1, m.Address.Port(), 0))),
		attribute(attrLocal, join(u32(0x00040000), u16(1, 11))),
		attribute(attrNetAddress, join(m.mac().bytes, four, []byte{255, 255, 255, 0})),
		attribute(attrBedLabel, text(m.Bed.Ward+" "+number(m.Bed.Number))),
	)
	event := join(object(classMDS, 0), u32(m.ticks(now)), u16(eventConnect), sized(about))
	return join([]byte{0, 0, 1, 0}, u16(roInvoke), sized(join(u16(1, cmdEvent), sized(event))))
}
