package filedrop

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"thalamus/internal/driver/drivertest"
	"thalamus/internal/peertest"
)

// server is OpenSSH's SFTP server on a free port.
type server struct {
	config, port, key, hostKey string
	run                        *exec.Cmd
}

func newKey(t *testing.T, path string) (public string) {
	t.Helper()
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

func newServer(t *testing.T) *server {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		peertest.Missing(t, "sshd (openssh-server)")
	}
	if os.Getuid() == 0 {
		os.MkdirAll("/run/sshd", 0o755) // it separates its privileges there
	}
	folder := t.TempDir()
	s := &server{port: strconv.Itoa(peertest.FreePort(t)), key: filepath.Join(folder, "user"), config: filepath.Join(folder, "config")}
	s.hostKey = newKey(t, filepath.Join(folder, "host"))
	allowed := newKey(t, s.key)
	for name, text := range map[string]string{
		"allowed": allowed + "\n",
		"config": fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n",
			s.port, filepath.Join(folder, "host"), filepath.Join(folder, "allowed")),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.run = exec.Command(sshd, "-D", "-e", "-f", s.config)
	t.Cleanup(s.stop)
	s.start(t, sshd)
	return s
}

func (s *server) start(t *testing.T, sshd string) {
	t.Helper()
	s.run = exec.Command(sshd, "-D", "-e", "-f", s.config)
	if err := s.run.Start(); err != nil {
		t.Fatal(err)
	}
	drivertest.Until(t, "the SFTP server listens", func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+s.port, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (s *server) stop() {
	if s.run != nil && s.run.Process != nil {
		s.run.Process.Kill()
		s.run.Wait()
		s.run = nil
	}
}

func user() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	out, _ := exec.Command("id", "-un").Output()
	return strings.TrimSpace(string(out))
}

// R10: OpenSSH's server as peer: files are taken and moved there, reports
// written, and an outage waited for.
func TestSFTP(t *testing.T) {
	s := newServer(t)
	sftp := map[string]any{"address": "127.0.0.1:" + s.port, "user": user(), "key": s.key, "host_key": s.hostKey}
	r := newRig(t, map[string]any{"sftp": sftp, "depth": 1}).start()
	r.drop("a.hl7", oru)
	r.drop("empty.csv", "")
	if got := r.taken(1); string(got[0].Bytes) != oru || got[0].Peer != "127.0.0.1:"+s.port {
		t.Errorf("%+v", got)
	}
	r.holds("done", "a.hl7")
	r.holds("refused", "empty.csv", "empty.csv.report.txt")
	r.drop("ward 1/b.hl7", strings.Replace(oru, "|1|P", "|3|P", 1))
	r.drop("ward 1/deeper/c.hl7", oru)
	r.drop("ward 1/empty.csv", "")
	if got := r.taken(2); got[1].Topic != "ward 1/b.hl7" {
		t.Errorf("%+v", got[1])
	}
	r.holds("done/ward 1", "b.hl7")
	r.holds("refused/ward 1", "empty.csv", "empty.csv.report.txt")
	r.holds("ward 1")
	sshd, _ := exec.LookPath("sshd")
	s.stop()
	// Sessions of the server live on in processes of their own; a new driver
	// must reach the listener.
	r.stop()
	r.start()
	drivertest.Until(t, "it says that the server is away", func() bool { return strings.Contains(r.driver.Status().Text, "cannot be reached") })
	r.drop("b.hl7", strings.Replace(oru, "|1|P", "|2|P", 1))
	s.start(t, sshd)
	r.taken(3)
	r.holds("done", "a.hl7", "b.hl7")
	r.drop("a.hl7", oru)
	drivertest.Until(t, "the same is recognised", func() bool { return r.driver.again.Load() == 1 })
}

// Another machine in the server's place is not believed.
func TestSFTPHostKey(t *testing.T) {
	s := newServer(t)
	other := newKey(t, filepath.Join(t.TempDir(), "other"))
	for _, key := range []string{other, "SHA256:0123456789012345678901234567890123456789012"} {
		r := newRig(t, map[string]any{"sftp": map[string]any{"address": "127.0.0.1:" + s.port, "user": user(), "key": s.key, "host_key": key}}).start()
		r.drop("a.hl7", oru)
		drivertest.Until(t, "it says whose key it saw", func() bool { return strings.Contains(r.driver.Status().Text, "the server shows the key SHA256:") })
		r.holds("", "a.hl7")
	}
}

// A server that does not know our key is not a folder that may not be written.
func TestSFTPDenied(t *testing.T) {
	s := newServer(t)
	stranger := filepath.Join(t.TempDir(), "stranger")
	newKey(t, stranger)
	r := newRig(t, map[string]any{"sftp": map[string]any{"address": "127.0.0.1:" + s.port, "user": user(), "key": stranger, "host_key": s.hostKey}}).start()
	drivertest.Until(t, "it says that it is not let in", func() bool { return r.driver.Status().Code == "filedrop.denied" })
}
