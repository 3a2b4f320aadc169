package reference

import (
	"fmt"
	"slices"
	"strings"

	"thalamus/internal/fault"
)

// rooms says where codes come from; codes of a room that is not named stand
// under its own name.
var rooms = []struct{ name, title string }{
	{"cli", "The command line"},
	{"conf", "Configuration texts"},
	{"app", "Starting and running the server"},
	{"access", "Signing in, accounts, tokens and roles"},
	{"service", "Operations"},
	{"api", "The API and its client"},
	{"web", "The console"},
	{"mllp", "MLLP channels"},
	{"intake", "Intake"},
	{"journal", "The journal"},
	{"hl7v2", "Reading HL7 v2"},
	{"openmhealth", "Reading Open mHealth"},
	{"hl7time", "Reading HL7 times"},
	{"decode", "Understanding messages"},
	{"normalise", "Codes, units and times"},
	{"ucum", "Units"},
	{"patients", "Patients and beds"},
	{"register", "Devices, and what is governed"},
	{"record", "The record"},
	{"route", "Routes"},
	{"deliver", "Delivery"},
	{"fhir", "FHIR"},
	{"hl7v2dest", "HL7 v2 destinations"},
	{"webhook", "Webhooks"},
	{"file", "File destinations"},
	{"audit", "The audit"},
	{"store", "Database files"},
}

// faultsPage describes every code an error or an issue can carry.
func faultsPage() []byte {
	p := newPage("Faults and issues", "Every error and every issue has a code. An **error** says that something was not done; an **issue** stands beside a message and says what in it could not be understood, or only by leniency: the message is kept and goes its way.\n\n"+
		"An error's kind says who must act:")
	p.table([]string{"kind", "HTTP", "what to do"}, [][]string{
		{"invalid", "400", "The input is wrong: change it."},
		{"denied", "401, 403", "Sign in, or ask for the permission."},
		{"absent", "404", "There is no such thing: list what there is."},
		{"conflict", "409", "It changed meanwhile, exists already or is in use: look again."},
		{"transient", "503", "Try again later; Thalamus does so by itself where it can."},
		{"broken", "500", "Our fault, or the disk's: tell the operator of the server."},
	})
	byRoom := map[string][]fault.Described{}
	for _, d := range fault.Catalogue() {
		room, _, _ := strings.Cut(d.Code, ".")
		byRoom[room] = append(byRoom[room], d)
	}
	titles := map[string]string{}
	var order []string
	for _, r := range rooms {
		titles[r.name] = r.title
		order = append(order, r.name)
	}
	var others []string
	for room := range byRoom {
		if titles[room] == "" {
			others = append(others, room)
		}
	}
	slices.Sort(others)
	for _, room := range append(order, others...) {
		if len(byRoom[room]) == 0 {
			continue
		}
		title := fmt.Sprintf("%s: `%s`", titles[room], room)
		if titles[room] == "" {
			title = fmt.Sprintf("`%s`", room)
		}
		p.line("## %s\n", title)
		var rows [][]string
		for _, d := range byRoom[room] {
			rows = append(rows, []string{quoted(d.Code), d.Meaning, d.ToDo})
		}
		p.table([]string{"code", "what happened", "what to do"}, rows)
	}
	return p.bytes()
}
