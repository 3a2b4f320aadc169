package filedrop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"thalamus/internal/driver"
	"thalamus/internal/fault"
)

// remote is a folder behind SFTP. It is signed in to for a round and kept as
// long as it answers.
type remote struct {
	settings *SFTP
	path     string
	met      func(conn net.Conn)
	patience time.Duration // for one answer

	ssh    *ssh.Client
	client *sftp.Client
	conn   atomic.Pointer[bounded] // below both
}

// patience is how long the server may take for one answer.
const patience = 30 * time.Second

func (r *remote) open(ctx context.Context) error {
	if r.client != nil {
		if err := r.within(r.there); err == nil {
			return nil
		}
		r.close()
	}
	config, err := r.settings.config()
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: r.patience, KeepAlive: 15 * time.Second}
	plain, err := dialer.DialContext(ctx, "tcp", r.settings.Address)
	if err != nil {
		return err
	}
	conn := &bounded{Conn: plain, patience: r.patience}
	r.conn.Store(conn)
	if ctx.Err() != nil {
		r.cut() // it was asked for while there was nothing to cut
	}
	return r.within(func() error {
		c, channels, requests, err := ssh.NewClientConn(conn, r.settings.Address, config)
		if err != nil {
			plain.Close()
			if strings.Contains(err.Error(), "unable to authenticate") { // the library has no type for it
				return fault.Wrap(err, fault.Transient, "filedrop.denied", "the server does not let %q in; check sftp.user and the key or password, and what the server has of them", r.settings.User)
			}
			return err
		}
		r.ssh = ssh.NewClient(c, channels, requests)
		if r.client, err = sftp.NewClient(r.ssh); err != nil {
			r.close()
			return err
		}
		if r.met != nil {
			r.met(plain)
		}
		return r.there()
	})
}

// there says whether the folder is.
func (r *remote) there() error {
	info, err := r.client.Stat(r.path)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: r.path, Err: errors.New("it is a file, not a folder")}
	}
	return err
}

// bounded is a connection on which no write may wait for longer than patience,
// and nothing be read for longer, or more, than within allows.
type bounded struct {
	net.Conn
	patience time.Duration
	left     atomic.Int64 // bytes that the answer under way may have
}

func (b *bounded) Read(p []byte) (int, error) {
	b.SetReadDeadline(time.Now().Add(2 * time.Hour)) // between rounds nothing comes
	n, err := b.Conn.Read(p)
	if b.left.Add(-int64(n)) < 0 {
		b.Close()
		return 0, errors.New("an answer has no end")
	}
	return n, err
}

func (b *bounded) Write(p []byte) (int, error) {
	b.SetWriteDeadline(time.Now().Add(b.patience))
	return b.Conn.Write(p)
}

// cut ends what is under way, from another goroutine.
func (r *remote) cut() {
	if c := r.conn.Load(); c != nil {
		c.Close()
	}
}

func (r *remote) close() {
	r.cut() // a server that does not answer is not said goodbye to
	if r.client != nil {
		r.client.Close()
	}
	if r.ssh != nil {
		r.ssh.Close()
	}
	r.client, r.ssh = nil, nil
}

func (r *remote) at(name string) string { return path.Join(r.path, name) }

// mostAnswer is how many bytes one answer may have: the names of a folder with
// mostFiles files, as one answer that is read in parts.
const mostAnswer = 64 << 20

// within ends an answer that does not come or has no end, by ending the
// connection.
func (r *remote) within(do func() error) error {
	if c := r.conn.Load(); c != nil {
		c.left.Store(mostAnswer)
	}
	stop := time.AfterFunc(r.patience, r.cut)
	defer stop.Stop()
	return do()
}

func (r *remote) list(folder string) (out []found, err error) {
	err = r.within(func() error {
		entries, err := r.client.ReadDir(r.at(folder))
		for _, e := range entries[:min(len(entries), mostFiles)] {
			out = append(out, found{name: path.Join(folder, e.Name()), size: e.Size(), changed: e.ModTime(), mode: e.Mode().Type()})
		}
		return err
	})
	return out, err
}

func (r *remote) stat(name string) (f found, err error) {
	err = r.within(func() error {
		info, err := r.client.Lstat(r.at(name))
		if err == nil && !info.Mode().IsRegular() {
			err = fs.ErrInvalid
		}
		if err == nil {
			f = found{name: name, size: info.Size(), changed: info.ModTime()}
		}
		return err
	})
	return f, err
}

func (r *remote) read(name string, most int64) (text []byte, err error) {
	var f *sftp.File
	if err = r.within(func() (err error) { f, err = r.client.Open(r.at(name)); return err }); err != nil {
		return nil, err
	}
	defer func() { _ = r.within(f.Close) }() // it was read
	for err == nil && int64(len(text)) <= most {
		err = r.within(func() error {
			part, err := io.ReadAll(io.LimitReader(f, min(1<<20, most+1-int64(len(text)))))
			if text = append(text, part...); err == nil && len(part) == 0 {
				err = io.EOF
			}
			return err
		})
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text, err
}

// move renames; SFTP's plain rename fails where the new name is taken
// (draft-ietf-secsh-filexfer-02 §6.5).
func (r *remote) move(name, to string) error {
	return r.within(func() error {
		err := r.client.Rename(r.at(name), r.at(to))
		if err != nil {
			if _, there := r.client.Lstat(r.at(to)); there == nil {
				return fs.ErrExist
			}
		}
		return err
	})
}

func (r *remote) remove(name string) error {
	return r.within(func() error { return r.client.Remove(r.at(name)) })
}

func (r *remote) write(name string, text []byte) error {
	return r.within(func() error {
		f, err := r.client.OpenFile(r.at(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		return errors.Join(err, f.Close())
	})
}

func (r *remote) folder(name string) error {
	return r.within(func() error { return r.client.MkdirAll(r.at(name)) })
}

// config reads key or password anew for each connection, so that a new one
// counts without a restart.
func (s *SFTP) config() (*ssh.ClientConfig, error) {
	check, err := hostKey(s.HostKey)
	if err != nil {
		return nil, err
	}
	c := &ssh.ClientConfig{User: s.User, HostKeyCallback: check.callback, HostKeyAlgorithms: check.algorithms, Timeout: patience}
	if s.Password != "" {
		secret, err := driver.Secret(s.Password, "sftp.password")
		c.Auth = []ssh.AuthMethod{ssh.Password(secret)}
		return c, err
	}
	b, err := os.ReadFile(s.Key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "driver.secret", "cannot read the file with the key").At("sftp.key")
	}
	signer, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return nil, fault.New(fault.Invalid, "driver.secret", "the file holds no private key that can be used without a passphrase; make one with ssh-keygen -t ed25519").At("sftp.key")
	}
	c.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	return c, nil
}

// known is the key a server must have.
type known struct {
	fingerprint string
	algorithms  []string // that the server is asked for; nil: any
}

// hostKey reads the setting: a public key, with or without the host in front,
// or a fingerprint.
func hostKey(text string) (known, error) {
	text = strings.TrimSpace(text)
	if sum, ok := strings.CutPrefix(text, "SHA256:"); ok && len(sum) == 43 {
		return known{fingerprint: text}, nil
	}
	fields := strings.Fields(text)
	for len(fields) > 1 {
		if key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.Join(fields, " "))); err == nil {
			k := known{fingerprint: ssh.FingerprintSHA256(key), algorithms: []string{key.Type()}}
			if key.Type() == ssh.KeyAlgoRSA {
				k.algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
			}
			return k, nil
		}
		fields = fields[1:]
	}
	return known{}, invalid("sftp.host_key", "expected the server's key, as ssh-keyscan prints it, or its fingerprint SHA256:…; without it anybody could answer in the server's place")
}

func (k known) callback(_ string, _ net.Addr, key ssh.PublicKey) error {
	if is := ssh.FingerprintSHA256(key); !bytes.Equal([]byte(is), []byte(k.fingerprint)) {
		return fault.New(fault.Denied, "filedrop.host-key", "%s", fmt.Sprintf("the server shows the key %s, not %s; if its key was changed on purpose, correct host_key", is, k.fingerprint)).At("sftp.host_key")
	}
	return nil
}
