// Package builtin is the list of what is in the binary. A new link, codec or
// receiver is a folder and a line here.
package builtin

import (
	"thalamus/internal/codec"
	"thalamus/internal/codec/astm"
	"thalamus/internal/codec/dri"
	"thalamus/internal/codec/edf"
	"thalamus/internal/codec/fhir"
	"thalamus/internal/codec/gatt"
	"thalamus/internal/codec/hl7v2/clinical"
	"thalamus/internal/codec/intellivue"
	"thalamus/internal/codec/masimo"
	"thalamus/internal/codec/medibus"
	"thalamus/internal/codec/nonin"
	"thalamus/internal/codec/openmhealth"
	"thalamus/internal/codec/pdf"
	"thalamus/internal/codec/phd"
	"thalamus/internal/codec/poct1a"
	"thalamus/internal/codec/sparkplug"
	"thalamus/internal/codec/wavecsv"
	"thalamus/internal/codec/wfdb"
	"thalamus/internal/destination"
	fhirdest "thalamus/internal/destinations/fhir"
	"thalamus/internal/destinations/file"
	hl7dest "thalamus/internal/destinations/hl7v2"
	"thalamus/internal/destinations/webhook"
	"thalamus/internal/driver"
	"thalamus/internal/drivers/astmlink"
	"thalamus/internal/drivers/ble"
	"thalamus/internal/drivers/drilink"
	"thalamus/internal/drivers/filedrop"
	intellivuelink "thalamus/internal/drivers/intellivue"
	"thalamus/internal/drivers/masimolink"
	"thalamus/internal/drivers/medibuslink"
	"thalamus/internal/drivers/mllp"
	"thalamus/internal/drivers/mqtt"
	"thalamus/internal/drivers/mqttclient"
	"thalamus/internal/drivers/noninlink"
	phdlink "thalamus/internal/drivers/phd"
	"thalamus/internal/drivers/poct1alink"
	"thalamus/internal/drivers/pull"
	"thalamus/internal/drivers/rest"
	"thalamus/internal/drivers/seriallink"
	"thalamus/internal/model"
	"thalamus/internal/waveform"
)

// Drivers are the links to devices.
func Drivers() []driver.Kind {
	return []driver.Kind{
		mllp.Kind(),
		phdlink.Kind(),
		ble.Kind(),
		mqtt.Kind(),
		mqttclient.Kind(),
		rest.Kind(),
		filedrop.Kind(),
		pull.Kind(),
		intellivuelink.Kind(),
		intellivuelink.SerialKind(),
		astmlink.Kind(),
		poct1alink.Kind(),
		seriallink.Kind(),
		medibuslink.Kind(),
		masimolink.Kind(),
		noninlink.Kind(),
		drilink.Kind(),
	}
}

// Codecs read frames.
func Codecs() []codec.Codec {
	return []codec.Codec{
		clinical.New(),
		openmhealth.New(),
		edf.Codec{},
		wfdb.Codec{},
		pdf.Codec{},
		phd.New(),
		gatt.New(),
		intellivue.New(),
		astm.New(),
		poct1a.New(),
		medibus.New(),
		masimo.New(),
		nonin.New(),
		dri.New(),
		fhir.New(),
		sparkplug.New(),
	}
}

// Destinations are the receivers.
func Destinations() []destination.Kind {
	return []destination.Kind{fhirdest.Kind(), hl7dest.Kind(), webhook.Kind(), file.Kind()}
}

// Waveforms are the forms in which waveforms are written.
func Waveforms() []waveform.Format {
	return []waveform.Format{wfdb.Format(), edf.Format(), fhir.Sampled(), wavecsv.Format()}
}

// Part cuts one message out of an entry that holds several; for an entry with
// one message it gives the bytes as they are.
func Part(e model.Entry, part int) []byte {
	for _, c := range codecs {
		if several, ok := c.(codec.Parts); ok && c.Name() == e.Codec {
			return several.Part(e, part)
		}
	}
	return e.Bytes
}

var codecs = Codecs()
