package hl7v2_test

import (
	"fmt"

	"thalamus/internal/codec/hl7v2"
)

func ExampleParse() {
	m, err := hl7v2.Parse([]byte("MSH|^~\\&|MONITOR||||20260131||ORU^R01|7|P|2.6\rOBX|1|NM|8867-4^Heart rate^LN||72|/min\rOBX|2|ST|x||a\\T\\b~\"\"\r"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range m.Segments() {
		if s.Is("OBX") {
			fmt.Println(s.Field(3).Component(1).Text(), s.Field(5).Rep(1).Text(), s.Field(5).Rep(2).IsNull())
		}
	}
	fmt.Println(m.Get("OBX-3.2"), m.Get("OBX[2]-5[1]"))
	// Output:
	// 8867-4 72 false
	// x a&b true
	// Heart rate a&b
}

func ExampleBuilder() {
	w := hl7v2.NewBuilder(hl7v2.StandardDelimiters(), "UNICODE UTF-8")
	w.Segment("MSH").Field(9, "ORU", "R01", "ORU_R01").Field(10, "17").Field(11, "P").Field(12, "2.6")
	w.Segment("OBX").Field(1, "1").Field(2, "ST").Field(5, "a|b").Rep("größer")
	raw, err := w.Bytes()
	fmt.Printf("%q %v\n", raw, err)
	// Output:
	// "MSH|^~\\&|||||||ORU^R01^ORU_R01|17|P|2.6||||||UNICODE UTF-8\rOBX|1|ST|||a\\F\\b~größer\r" <nil>
}

func ExampleEdit() {
	m, err := hl7v2.Parse([]byte("MSH|^~\\&|A\nPID|1||4711^^^H\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := hl7v2.Edit(m).Set("PID-3.5", "MR").Null("PID-5").Bytes()
	fmt.Printf("%q %v\n", raw, err)
	// Output:
	// "MSH|^~\\&|A\nPID|1||4711^^^H^MR||\"\"\n" <nil>
}
