package roster

import (
	"strings"
	"unicode"

	"thalamus/internal/register/fact"
)

// What a table lists.
type What string

// Devices are units, one a row; models are types, one a row.
const (
	Devices What = "devices"
	Models  What = "models"
)

// Targets of columns beside the names of facts.
const (
	TargetID       = "id"       // our own id of a device
	TargetWard     = "ward"     // the parts of a place
	TargetRoom     = "room"     //
	TargetBed      = "bed"      //
	TargetFacility = "facility" //
)

// Mapping says what each column tells: the name of a fact, one of the targets,
// or nothing. The key is the column's name.
type Mapping map[string]string

// Targets gives what a column may tell, in the order people see it.
func Targets(w What) []string {
	layer := fact.OfModel
	var out []string
	if w != Models {
		layer = fact.OfDevice
		out = []string{TargetID}
	}
	for _, k := range fact.Kinds(layer) {
		if w != Models && k.Own != "" && k.Name != "name" {
			continue // what only acts of their own may say
		}
		out = append(out, k.Name)
		if k.Name == "place" {
			out = append(out, TargetWard, TargetRoom, TargetBed, TargetFacility)
		}
	}
	return out
}

// plain is a column's name without case, blanks, punctuation and accents.
func plain(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch r {
		case 'ä', 'à', 'â', 'á':
			r = 'a'
		case 'ö', 'ô', 'ó':
			r = 'o'
		case 'ü', 'û', 'ù', 'ú':
			r = 'u'
		case 'é', 'è', 'ê', 'ë':
			r = 'e'
		case 'ß':
			b.WriteByte('s')
			r = 's'
		case 'ç':
			r = 'c'
		case 'î', 'ï':
			r = 'i'
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// words are the names columns have, by what they tell. Beside what people
// write they hold the columns of Snipe-IT's asset export and import, of GLPI's
// export of computers and network equipment (English, German, French), and of
// what Thalamus itself exports.
func words() map[string]string {
	lists := map[string]string{
		TargetID:       "thalamus id;device id;id thalamus",
		"name":         "name;item name;asset name;device name;hostname alias;bezeichnung;geratename;geraetename;gerat;gerate;nom;nom de l'equipement;designation;appareil",
		"manufacturer": "manufacturer;maker;vendor;brand;make;hersteller;fabrikant;marke;fabricant;marque;constructeur;company name",
		"model":        "model;model name;model no;device model;modell;typ;geratetyp;geraetetyp;type/model;modele;modele d'appareil;version model number",
		"serial":       "serial;serial number;serial no;serialno;sn;s/n;seriennummer;serien-nr;seriennr;fabriknummer;numero de serie;n° de serie;no de serie;n serie",
		"udi":          "udi;unique device identifier;udi carrier;udi-code",
		"udi-di":       "udi-di;di;primary di;primarydi;basic udi-di;gtin",
		"asset":        "asset;asset tag;asset number;asset no;inventory number;inventory no;inventory tag;equipment number;cmms id;inventarnummer;inventar-nr;inventarnr;anlagennummer;geratenummer;numero d'inventaire;n° inventaire;n° d'inventaire;no inventaire;no d'inventaire;code immobilisation",
		"release":      "release;software;software version;sw version;firmware;firmware version;softwareversion;softwarestand;version logicielle;version du logiciel;version micrologiciel",
		"hardware":     "hardware version;hardware revision;hw version;hardwareversion;version materielle",
		"system":       "operating system;os;operating system name;betriebssystem;systeme d'exploitation",
		"mac":          "mac;mac address;ethernet mac;network port mac address;mac-adresse;adresse mac",
		"ip":           "ip;ip address;ipv4;ipv4 address;ip-adresse;ipadresse;adresse ip",
		"host":         "host;hostname;host name;dns name;fqdn;rechnername;nom d'hote",
		"ae":           "ae title;aet;dicom ae;dicom ae title",
		"emdn":         "emdn;emdn code;emdn-code;code emdn",
		"gmdn":         "gmdn;gmdn code;gmdn-code;code gmdn;gmdncode",
		"class":        "class;risk class;mdr class;risikoklasse;mdr-klasse;klasse;classe;classe de risque",
		"place":        "place;location;default location;full location;standort;ort;aufstellort;lieu;emplacement;localisation",
		TargetWard:     "ward;unit;point of care;care unit;station;bereich;unite;unite de soins;service de soins",
		TargetRoom:     "room;room number;raum;raumnummer;zimmer;salle;chambre;piece",
		TargetBed:      "bed;bed number;bett;bettplatz;lit",
		TargetFacility: "facility;site;hospital;building;klinik;haus;gebaude;krankenhaus;hopital;batiment;site hospitalier",
		"department":   "department;dept;dept.;cost center;cost centre;abteilung;fachabteilung;kostenstelle;departement;service;centre de cout",
		"life":         "status;life;state;asset status;status label;life stage;zustand;statut;etat",
		"owner":        "owner;company;entity;eigentumer;besitzer;mandant;entitat;proprietaire;entite",
		"custodian":    "custodian;responsible;technician in charge;contact person;assigned to;checked out to;user;verantwortlich;zustandig;ansprechpartner;techniker;benutzer;responsable;technicien responsable;utilisateur",
		"supplier":     "supplier;lieferant;fournisseur",
		"purchased":    "purchase date;purchased;date of purchase;kaufdatum;anschaffungsdatum;anschaffung;date d'achat;date d'acquisition",
		"warranty":     "warranty until;warranty expires;warranty expiration date;warranty end;garantie bis;garantieende;garantieablauf;fin de garantie;date d'expiration de garantie",
		"price":        "price;purchase cost;cost;value;preis;kaufpreis;anschaffungswert;prix;cout;valeur",
		"note":         "note;notes;comment;comments;remark;remarks;bemerkung;bemerkungen;kommentar;notiz;commentaire;commentaires;remarque;remarques;device description",
		"holds":        "phi;personal records;holds records;patientendaten;donnees patients",
		"patch":        "patch status;patchstatus;etat des correctifs",
		"risk":         "risk;risk level;risiko;risque",
		"support":      "support;support status;support phase;supportstatus;etat du support",
		"support-until": "support until;end of support;eos;eol date;eol;support bis;supportende;fin de support;" +
			"fin du support",
		"document": "document;manual;link;handbuch;dokument;notice;manuel",
		"fallback": "fallback;ersatz;solution de repli",
		"contact":  "contact;kontakt",
	}
	out := map[string]string{}
	for target, list := range lists {
		for _, w := range strings.Split(list, ";") {
			out[plain(w)] = target
		}
	}
	for _, k := range fact.Kinds("") {
		if out[plain(k.Name)] == "" {
			out[plain(k.Name)] = k.Name
		}
	}
	return out
}

// Kind of table, told by its columns.
const (
	FromAnywhere = ""
	FromSnipeIT  = "snipe-it"
	FromGLPI     = "glpi"
	FromGUDID    = "gudid"
)

// Origin says which program made a table, as far as its columns tell.
func Origin(columns []string) string {
	have := map[string]bool{}
	for _, c := range columns {
		have[plain(c)] = true
	}
	all := func(names ...string) bool {
		for _, n := range names {
			if !have[plain(n)] {
				return false
			}
		}
		return true
	}
	switch {
	case all("PrimaryDI", "companyName", "versionModelNumber"), all("PrimaryDI", "gmdnPTName"):
		return FromGUDID
	case all("asset tag", "model"), all("asset tag", "model name"), all("asset tag", "item name"):
		return FromSnipeIT
	case all("inventory number", "serial number", "entity"), all("inventarnummer", "seriennummer", "entität"), all("numéro d'inventaire", "numéro de série", "entité"),
		all("inventory number", "serial number", "alternate username"):
		return FromGLPI
	}
	return FromAnywhere
}

// Guess says what each column probably tells, and what the table lists. One
// thing is told by one column: the first that fits.
func Guess(columns []string) (Mapping, What) {
	what := Devices
	origin := Origin(columns)
	if origin == FromGUDID {
		what = Models
	}
	known := words()
	may := map[string]bool{}
	for _, t := range Targets(what) {
		may[t] = true
	}
	m, taken := Mapping{}, map[string]bool{}
	for _, c := range columns {
		t := known[plain(c)]
		if origin == FromGLPI && (plain(c) == "type" || plain(c) == "typ") {
			t = "" // laptop, monitor: not a model
		}
		if origin == FromSnipeIT && plain(c) == "warranty" {
			t = "" // how many months; the day is in Warranty Expires
		}
		if t == "" || taken[t] || !may[t] {
			continue
		}
		m[c], taken[t] = t, true
	}
	if !taken["model"] && origin != FromGLPI {
		for _, c := range columns {
			if plain(c) == "type" { // what a maker calls it, where nothing else says that
				m[c], taken["model"] = "model", true
				break
			}
		}
	}
	if what == Models && !taken["model"] {
		for _, c := range columns {
			if plain(c) == "brandname" {
				m[c] = "model"
			}
		}
	}
	return m, what
}
