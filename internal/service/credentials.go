package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base32"
	"encoding/pem"
	"strings"
	"time"

	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/register"
)

// CredentialCreate makes what a device shows to be let in.
type CredentialCreate struct {
	ID          string            `json:"id,omitempty" arg:"id" doc:"user name the device will give; made up when left out"`
	Device      model.DeviceID    `json:"device,omitempty" doc:"id of the device whose it is; leave it out for a gateway or a device nobody has heard yet"`
	Note        string            `json:"note,omitempty" doc:"what it is for"`
	Client      string            `json:"client,omitempty" doc:"the only MQTT client id it may be used with"`
	Channels    []model.ChannelID `json:"channels,omitempty" doc:"channels where it holds; all when left out"`
	Publish     []string          `json:"publish,omitempty" doc:"topics it may publish to, as filters with + and #; %c stands for the client id, %u for the credential, %d for the device; devices/%u/# when left out"`
	Subscribe   []string          `json:"subscribe,omitempty" doc:"topics it may subscribe to, likewise"`
	Certificate bool              `json:"certificate,omitempty" doc:"let it in by a certificate of the program's own authority in place of a secret"`
	PEM         string            `json:"pem,omitempty" doc:"let it in by this certificate of its own (PEM) in place of a secret"`
	Life        model.Duration    `json:"life,omitempty" doc:"how long it is good, e.g. 8760h; a secret is good until it is revoked unless told, a certificate of ours for two years"`
	Reason      string            `json:"reason,omitempty" doc:"why, for the audit"`
}

// CredentialRotate gives a credential a new secret or certificate.
type CredentialRotate struct {
	ID      string         `json:"id" arg:"id" doc:"id of the credential"`
	PEM     string         `json:"pem,omitempty" doc:"the new certificate, where the credential has one of the device's own"`
	Overlap model.Duration `json:"overlap,omitempty" doc:"how long the old one is still good, e.g. 24h; it ends at once unless told, and connections made with it are closed"`
	Life    model.Duration `json:"life,omitempty" doc:"how long the new one is good"`
	Reason  string         `json:"reason,omitempty" doc:"why, for the audit"`
}

// CredentialRow is a credential without what it is checked with.
type CredentialRow struct {
	ID           string            `json:"id"`
	Device       model.DeviceID    `json:"device,omitempty"`
	DeviceName   string            `json:"deviceName,omitempty"` // as people call it, else maker, model and serial number
	Note         string            `json:"note,omitempty"`
	Kind         string            `json:"kind"`  // secret, certificate
	State        string            `json:"state"` // good, expired, revoked
	Client       string            `json:"client,omitempty"`
	Channels     []model.ChannelID `json:"channels"`
	Publish      []string          `json:"publish"`
	Subscribe    []string          `json:"subscribe"`
	Print        string            `json:"print,omitempty"` // SHA-256 of the certificate
	Expires      time.Time         `json:"expires,omitzero"`
	Revoked      time.Time         `json:"revoked,omitzero"`
	EarlierUntil time.Time         `json:"earlierUntil,omitzero"` // the one before is still good until then
	Used         time.Time         `json:"used,omitzero"`         // last, since the start of the program
	UsedOn       model.ChannelID   `json:"usedOn,omitempty"`
	UsedFrom     string            `json:"usedFrom,omitempty"`
}

// CredentialMade is a new credential; what is secret in it is shown this once.
type CredentialMade struct {
	Credential  CredentialRow `json:"credential"`
	Secret      string        `json:"secret,omitempty"`      // password or token of the device
	Certificate string        `json:"certificate,omitempty"` // PEM, with the authority's behind it
	Key         string        `json:"key,omitempty"`         // PEM
}

// CredentialAsk narrows the list.
type CredentialAsk struct {
	Device model.DeviceID `json:"device,omitempty" doc:"only those of this device"`
	Text   string         `json:"text,omitempty" doc:"only those with this in their id, note or device's name"`
}

func credentialOps() []Op {
	return []Op{
		define(Acts, "credential.create", "Make a credential with which a device is let in: a secret, shown once, or a certificate.", "pump-7 --device dev-0123456789abc --publish 'ward/+/%u/#'", createCredential),
		define(Acts, "credential.rotate", "Give a credential a new secret or certificate; the old one ends at once, or after an overlap.", "pump-7 --overlap 24h --reason 'yearly'", rotateCredential),
		define(Acts, "credential.revoke", "End a credential for good; connections made with it are closed at once.", "pump-7 --reason 'stolen'", revokeCredential),
		define(Reads, "credential.list", "List the credentials of devices; secrets are not kept.", "", listCredentials),
	}
}

const certificateLife = 2 * 365 * 24 * time.Hour

func createCredential(ctx context.Context, c *call, r CredentialCreate) (CredentialMade, error) {
	if r.ID == "" {
		random := make([]byte, 16)
		_, _ = rand.Read(random) // never fails
		r.ID = "cred-" + strings.ToLower(base32.StdEncoding.EncodeToString(random))[:13]
	}
	c.object, c.reason = "credential "+r.ID, r.Reason
	if r.Device != "" {
		if _, err := c.s.Register.Get(r.Device); err != nil {
			return CredentialMade{}, err
		}
	}
	if r.Life < 0 || r.Certificate && r.PEM != "" {
		return CredentialMade{}, fault.New(fault.Invalid, "service.argument", "the life is not negative, and a credential has one certificate: ours or the device's").At("certificate")
	}
	v := register.Credential{ID: r.ID, Device: r.Device, Note: r.Note, Client: r.Client, Channels: r.Channels, Publish: r.Publish, Subscribe: r.Subscribe}
	if r.Publish == nil {
		v.Publish = register.DefaultTopics()
	}
	if r.Subscribe == nil {
		v.Subscribe = register.DefaultTopics()
	}
	out, err := c.prove(&v, r.Certificate, r.PEM, time.Duration(r.Life))
	if err != nil {
		return CredentialMade{}, err
	}
	if old, err := c.s.Gatekeeper.Credential(r.ID); err == nil {
		return CredentialMade{}, fault.New(fault.Conflict, "register.credential-taken", "there is a credential %q already; rotate it, or take another id", old.ID)
	}
	return c.keepCredential(ctx, v, out)
}

// prove gives a credential a new secret or certificate.
func (c *call) prove(v *register.Credential, issue bool, text string, life time.Duration) (out CredentialMade, err error) {
	v.Secret, v.Print, v.Expires = "", "", time.Time{}
	if issue && life == 0 {
		life = certificateLife
	}
	if life > 0 {
		v.Expires = c.s.now().Add(life)
	}
	switch {
	case issue:
		cert, key, der, err := c.s.IssueCertificate(v.ID, life)
		if err != nil {
			return out, err
		}
		out.Certificate, out.Key, v.Print = string(cert), string(key), register.SumOf(der)
	case text != "":
		block, _ := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			return out, fault.New(fault.Invalid, "service.certificate", "expected a certificate in PEM, -----BEGIN CERTIFICATE-----").At("pem")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return out, fault.Wrap(err, fault.Invalid, "service.certificate", "the certificate cannot be read").At("pem")
		}
		if v.Expires.IsZero() || cert.NotAfter.Before(v.Expires) {
			v.Expires = cert.NotAfter
		}
		v.Print = register.SumOf(cert.Raw)
	default:
		var random [32]byte
		_, _ = rand.Read(random[:]) // never fails
		out.Secret, v.Secret = register.SecretOf(random)
	}
	return out, nil
}

func (c *call) keepCredential(ctx context.Context, v register.Credential, out CredentialMade) (CredentialMade, error) {
	_, err := c.s.Gatekeeper.Put(ctx, c.tx, v, register.AnyVersion, c.mark())
	out.Credential = c.s.credentialRow(v, register.CredentialUse{})
	return out, err
}

func rotateCredential(ctx context.Context, c *call, r CredentialRotate) (CredentialMade, error) {
	c.object, c.reason = "credential "+r.ID, r.Reason
	v, err := c.s.Gatekeeper.Credential(r.ID)
	if err != nil {
		return CredentialMade{}, err
	}
	if !v.Revoked.IsZero() {
		return CredentialMade{}, fault.New(fault.Conflict, "service.credential-revoked", "the credential was revoked; make another one").At(r.ID)
	}
	if r.Overlap < 0 || r.Life < 0 {
		return CredentialMade{}, fault.New(fault.Invalid, "service.argument", "expected a span that is not negative").At("overlap")
	}
	earlier, until, life := v.Secret+v.Print, v.Expires, r.Life
	out, err := c.prove(&v, v.Print != "" && r.PEM == "", r.PEM, time.Duration(life))
	if err != nil {
		return CredentialMade{}, err
	}
	v.Earlier, v.EarlierUntil = "", time.Time{}
	if r.Overlap > 0 {
		v.Earlier, v.EarlierUntil = earlier, c.s.now().Add(time.Duration(r.Overlap))
		if !until.IsZero() && until.Before(v.EarlierUntil) {
			v.EarlierUntil = until
		}
	}
	return c.keepCredential(ctx, v, out)
}

func revokeCredential(ctx context.Context, c *call, r Remove) (CredentialRow, error) {
	c.object, c.reason = "credential "+r.ID, r.Reason
	v, err := c.s.Gatekeeper.Credential(r.ID)
	if err != nil {
		return CredentialRow{}, err
	}
	if v.Revoked.IsZero() {
		v.Revoked = c.s.now()
	}
	v.Earlier, v.EarlierUntil = "", time.Time{}
	out, err := c.keepCredential(ctx, v, CredentialMade{})
	return out.Credential, err
}

func listCredentials(_ context.Context, c *call, r CredentialAsk) ([]CredentialRow, error) {
	all, used := c.s.Gatekeeper.List()
	var rows []CredentialRow
	wanted := strings.ToLower(strings.TrimSpace(r.Text))
	for _, v := range all {
		if r.Device != "" && v.Device != r.Device {
			continue
		}
		row := c.s.credentialRow(v, used[v.ID])
		if wanted == "" || strings.Contains(strings.ToLower(row.ID+"\n"+row.Note+"\n"+row.DeviceName+"\n"+string(row.Device)), wanted) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// deviceNamed is what people call a device, else its maker, model and serial
// number; empty for one that is not there.
func (s *Service) deviceNamed(id model.DeviceID) string {
	d, err := s.Register.Get(id)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(cmp.Or(d.Asserted.Name, d.Observed.Manufacturer+" "+d.Observed.Model+" "+d.Observed.Serial))
}

func (s *Service) credentialRow(v register.Credential, use register.CredentialUse) CredentialRow {
	row := CredentialRow{
		ID: v.ID, Device: v.Device, Note: v.Note, Kind: "secret", State: "good", Client: v.Client, Channels: v.Channels, Publish: v.Publish, Subscribe: v.Subscribe,
		Print: v.Print, Expires: v.Expires, Revoked: v.Revoked, EarlierUntil: v.EarlierUntil, Used: use.At, UsedOn: use.Channel, UsedFrom: use.Peer,
	}
	if v.Device != "" {
		row.DeviceName = s.deviceNamed(v.Device)
	}
	if v.Print != "" {
		row.Kind = "certificate"
	}
	switch {
	case !v.Revoked.IsZero():
		row.State = "revoked"
	case !v.Expires.IsZero() && !s.now().Before(v.Expires):
		row.State = "expired"
	}
	return row
}
