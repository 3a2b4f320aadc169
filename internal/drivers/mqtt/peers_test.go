package mqtt

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"thalamus/internal/driver"
	"thalamus/internal/driver/drivertest"
	"thalamus/internal/fault"
	"thalamus/internal/model"
	"thalamus/internal/peertest"
)

// TestMosquitto: Debian's mosquitto_pub and mosquitto_sub, both versions, every
// QoS, over TLS with a client certificate.
func TestMosquitto(t *testing.T) {
	pub, err := exec.LookPath("mosquitto_pub")
	if err != nil {
		peertest.Missing(t, "mosquitto_pub (Debian package mosquitto-clients)")
	}
	k := peertest.MakeKeys(t)
	text, err := os.ReadFile(k.ClientCert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	r := newRig(t, map[string]any{"tls": map[string]any{"certificate": k.Cert, "key": k.Key}})
	r.admit = func(_ context.Context, _ model.ChannelID, c driver.Credentials) (driver.Admission, error) {
		if c.Certificate == nil || !slices.Equal(c.Certificate.Raw, block.Bytes) {
			return driver.Admission{}, fault.New(fault.Denied, "test.no", "no")
		}
		return driver.Admission{Identity: c.Certificate.Subject.String(), Publish: []string{"ward/#"}, Receive: []string{"ward/#"}}, nil
	}
	r.start()
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(r.d.Addr().String())
	tls := []string{"-h", "localhost", "-p", port, "--cafile", k.CA, "--cert", k.ClientCert, "--key", k.ClientKey}
	run := func(program string, args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), program, append(slices.Clone(tls), args...)...)
	}
	want := 0
	for _, version := range []string{"mqttv311", "mqttv5"} {
		for _, qos := range []string{"0", "1", "2"} {
			topic := "ward/" + version + "-" + qos // its own, so that no listener of before is meant
			listener := run("mosquitto_sub", "-V", version, "-t", topic+"/#", "-q", qos, "-C", "2", "-W", "20", "-v")
			var heard bytes.Buffer
			listener.Stdout = &heard
			if err := listener.Start(); err != nil {
				t.Fatal(err)
			}
			drivertest.Until(t, "the subscriber is there", func() bool {
				r.d.mu.Lock()
				defer r.d.mu.Unlock()
				n := 0
				r.d.tree.match(topic+"/x", func(*session, sub) { n++ })
				return n == 1
			})
			for _, m := range []string{"one", "two"} {
				if out, err := run(pub, "-V", version, "-t", topic+"/vitals", "-q", qos, "-m", m).CombinedOutput(); err != nil {
					t.Fatalf("%s QoS %s: %v\n%s", version, qos, err, out)
				}
			}
			if err := listener.Wait(); err != nil || heard.String() != topic+"/vitals one\n"+topic+"/vitals two\n" {
				t.Errorf("%s QoS %s: %v, heard %q", version, qos, err, heard.String())
			}
			want += 2
		}
	}
	drivertest.Until(t, "all are taken", func() bool { n, _ := r.intake.Count(); return n == want })
	if f := r.intake.Taken()[0]; f.Identity != "CN=monitor-7,O=Ward" || f.Topic != "ward/mqttv311-0/vitals" {
		t.Errorf("%+v", f)
	}
	if out, err := exec.CommandContext(t.Context(), pub, "-h", "localhost", "-p", port, "--cafile", k.CA, "-t", "ward/7", "-m", "x", "-q", "1").CombinedOutput(); err == nil {
		t.Errorf("without a certificate: %s", out)
	}
}

// TestNodeClient: the npm package mqtt, over TCP and WebSocket.
func TestNodeClient(t *testing.T) {
	r := newRig(t, map[string]any{"websocket": "127.0.0.1:0"}).start()
	want := 0
	for _, url := range []string{"mqtt://" + r.d.Addr().String(), "ws://" + r.d.SocketAddr().String() + "/mqtt"} {
		for _, version := range []int{4, 5} {
			got := peertest.Run(t, "mqtt.mjs", "mqtt", map[string]any{"url": url, "version": version, "topic": "ward/7/vitals", "messages": []string{"a", "b", "c"}})
			var heard []string
			for _, one := range got {
				heard = append(heard, one.Text("heard")+one.Text("error"))
				if on := one.Text("topic"); on != "ward/7/vitals" {
					t.Errorf("%s version %d: came on %q", url, version, on)
				}
			}
			if strings.Join(heard, ",") != "a,b,c" {
				t.Errorf("%s version %d: %q", url, version, heard)
			}
			want += 3
		}
	}
	if n, _ := r.intake.Count(); n != want {
		t.Errorf("%d entries, want %d", n, want)
	}
}
