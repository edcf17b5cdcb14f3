// A peer made of pion/dtls for the interoperability tests, in either role.
//
// It says in lines what it knows of an association, prints the data that it receives, and sends each line that it is
// told as one record. When its input ends it closes the association and itself.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/elliptic"
	"github.com/pion/dtls/v2/pkg/protocol"
	"github.com/pion/udp"
)

var (
	connectTo = flag.String("connect", "", "be a client, of the server at this `address`")
	from      = flag.String("from", "127.0.0.1:0", "the `address` of the client")
	times     = flag.Int("times", 1, "how many associations a client makes, one after the other's end")
	listenAt  = flag.String("listen", "127.0.0.1:0", "be a server at this `address`")

	suites  = codes("suites", "code points of cipher suites in `hexadecimal`, best first")
	groups  = codes("groups", "code points of groups in `hexadecimal`, best first")
	schemes = codes("schemes", "code points of signature schemes in `hexadecimal`, best first")
	ems     = flag.String("ems", "require", "extended master secret: request, require or disable")
	alpn    = flag.String("alpn", "", "application `protocols`, best first")
	mtu     = flag.Int("mtu", 0, "the longest piece of a message in a record, in `bytes`")
	srtp    = codes("srtp", "code points of SRTP profiles in `hexadecimal`, best first")
	label   = flag.String("export", "", "the `label` of 60 bytes of keying material to print")

	chain   = flag.String("chain", "", "certificates to show, a PEM `file`")
	key     = flag.String("key", "", "their private key, a PEM `file`")
	ask     = flag.String("ask", "", "ask clients for a certificate: `request or require` one")
	bare    = flag.Bool("nocookie", false, "take clients without a cookie")
	roots   = flag.String("roots", "", "the authorities that certificates are to lead to, a PEM `file`")
	name    = flag.String("name", "", "the `name` that a client asks for")
	psk     = flag.String("psk", "", "a key that both ends share, in `hexadecimal`")
	self    = flag.String("identity", "", "the `name` of that key, which a client tells; a server's hint")
	resumes = flag.Bool("sessions", false, "keep sessions, and take them up again")
)

func main() {
	flag.Parse()
	config, err := configuration()
	if err == nil && *connectTo != "" {
		err = connect(config)
	} else if err == nil {
		err = listen(config)
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// Makes one association after another, all from the same address, unless they share a session: who comes back for one
// may come from anywhere.
func connect(config *dtls.Config) error {
	server, err := net.ResolveUDPAddr("udp", *connectTo)
	if err != nil {
		return err
	}
	client, err := net.ResolveUDPAddr("udp", *from)
	if err != nil {
		return err
	}
	input := lines(os.Stdin)
	for n := 0; n < *times; n++ {
		socket, err := net.DialUDP("udp", client, server)
		if err != nil {
			return err
		}
		if !*resumes {
			client = socket.LocalAddr().(*net.UDPAddr)
		}
		polite := newPolite(socket)
		association, err := dtls.Client(polite, config)
		if err != nil {
			return err
		}
		if err := converse(association, polite, input); err != nil {
			return err
		}
	}
	return nil
}

// Serves one association after another, until its input ends.
func listen(config *dtls.Config) error {
	address, err := net.ResolveUDPAddr("udp", *listenAt)
	if err != nil {
		return err
	}
	sockets := udp.ListenConfig{AcceptFilter: func(datagram []byte) bool {
		return len(datagram) > 0 && datagram[0] == byte(protocol.ContentTypeHandshake)
	}}
	listener, err := sockets.Listen("udp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening at", listener.Addr())
	input := lines(os.Stdin)
	for {
		socket, err := listener.Accept()
		if err != nil {
			return err
		}
		polite := newPolite(socket)
		association, err := dtls.Server(polite, config)
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		if err := converse(association, polite, input); err != nil {
			return err
		}
	}
}

// Talks until one end closes. At the end of the input that is this one, and the process ends as well.
func converse(association *dtls.Conn, socket *polite, input <-chan string) error {
	state := association.ConnectionState()
	fmt.Println("certificates:", len(state.PeerCertificates))
	if *psk != "" {
		fmt.Printf("the other end tells: %s\n", state.IdentityHint)
	}
	if *label != "" {
		material, err := state.ExportKeyingMaterial(*label, nil, 60)
		if err != nil {
			return err
		}
		fmt.Printf("keying material: %x\n", material)
	}
	if profile, agreed := association.SelectedSRTPProtectionProfile(); agreed {
		fmt.Printf("SRTP profile: %04X\n", uint16(profile))
	}
	fmt.Println("connected")

	received := make(chan error, 1)
	go func() { received <- print(association) }()
	for {
		select {
		case err := <-received:
			if err != nil {
				return err
			}
			fmt.Println("closed by the other end")
			return association.Close()
		case line, more := <-input:
			if !more {
				socket.leaving.Store(true)
				if err := association.Close(); err != nil {
					return err
				}
				os.Exit(0)
			}
			if _, err := association.Write([]byte(line + "\n")); err != nil {
				return err
			}
		}
	}
}

// A socket that is not closed before the goodbye is written. Close of pion/dtls 2.2.6 first tells its reader to stop, and
// the reader closes the socket: now and then that comes before the close_notify, which is then never sent.
type polite struct {
	net.Conn
	// Whether the next thing to be written is the goodbye.
	leaving atomic.Bool
	left    chan struct{}
	once    sync.Once
}

func newPolite(socket net.Conn) *polite {
	return &polite{Conn: socket, left: make(chan struct{})}
}

func (socket *polite) Write(datagram []byte) (int, error) {
	n, err := socket.Conn.Write(datagram)
	if socket.leaving.Load() {
		socket.once.Do(func() { close(socket.left) })
	}
	return n, err
}

func (socket *polite) Close() error {
	if socket.leaving.Load() {
		<-socket.left
	}
	return socket.Conn.Close()
}

// Prints what comes, until the other end closes.
func print(association *dtls.Conn) error {
	record := make([]byte, 1<<14)
	for {
		n, err := association.Read(record)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		os.Stdout.Write(record[:n])
	}
}

func lines(reader io.Reader) <-chan string {
	input := make(chan string)
	go func() {
		scanner := bufio.NewScanner(reader)
		for scanner.Scan() {
			input <- scanner.Text()
		}
		close(input)
	}()
	return input
}

func configuration() (*dtls.Config, error) {
	trusted := x509.NewCertPool()
	config := &dtls.Config{MTU: *mtu, ServerName: *name, RootCAs: trusted, ClientCAs: trusted}
	policies := map[string]dtls.ExtendedMasterSecretType{
		"request": dtls.RequestExtendedMasterSecret,
		"require": dtls.RequireExtendedMasterSecret,
		"disable": dtls.DisableExtendedMasterSecret,
	}
	var known bool
	if config.ExtendedMasterSecret, known = policies[*ems]; !known {
		return nil, fmt.Errorf("no policy %q", *ems)
	}
	for _, code := range *suites {
		config.CipherSuites = append(config.CipherSuites, dtls.CipherSuiteID(code))
	}
	for _, code := range *groups {
		config.EllipticCurves = append(config.EllipticCurves, elliptic.Curve(code))
	}
	for _, code := range *schemes {
		config.SignatureSchemes = append(config.SignatureSchemes, tls.SignatureScheme(code))
	}
	for _, code := range *srtp {
		config.SRTPProtectionProfiles = append(config.SRTPProtectionProfiles, dtls.SRTPProtectionProfile(code))
	}
	config.SupportedProtocols = words(*alpn)
	if *roots != "" {
		pem, err := os.ReadFile(*roots)
		if err != nil {
			return nil, err
		}
		trusted.AppendCertsFromPEM(pem)
	}
	config.InsecureSkipVerifyHello = *bare
	demands := map[string]dtls.ClientAuthType{
		"":        dtls.NoClientCert,
		"request": dtls.VerifyClientCertIfGiven,
		"require": dtls.RequireAndVerifyClientCert,
	}
	if config.ClientAuth, known = demands[*ask]; !known {
		return nil, fmt.Errorf("no demand %q", *ask)
	}
	if *resumes {
		config.SessionStore = &sessions{known: make(map[string]dtls.Session)}
	}
	if *psk != "" {
		secret, err := hex.DecodeString(*psk)
		if err != nil {
			return nil, err
		}
		// The key is the same for whoever asks: what the other end told is printed.
		config.PSK = func([]byte) ([]byte, error) { return secret, nil }
		config.PSKIdentityHint = []byte(*self)
	}
	if *chain != "" {
		certificate, err := tls.LoadX509KeyPair(*chain, *key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
		// It is the only one; this is for the name that a client sends.
		config.GetCertificate = func(hello *dtls.ClientHelloInfo) (*tls.Certificate, error) {
			fmt.Println("server name:", hello.ServerName)
			return &certificate, nil
		}
	}
	return config, nil
}

// Sessions in memory. That there is none is no error.
type sessions struct {
	sync.Mutex
	known map[string]dtls.Session
}

func (store *sessions) Set(key []byte, session dtls.Session) error {
	store.Lock()
	defer store.Unlock()
	store.known[string(key)] = session
	return nil
}

func (store *sessions) Get(key []byte) (dtls.Session, error) {
	store.Lock()
	defer store.Unlock()
	return store.known[string(key)], nil
}

func (store *sessions) Del(key []byte) error {
	store.Lock()
	defer store.Unlock()
	delete(store.known, string(key))
	return nil
}

// A flag that lists code points.
func codes(name, usage string) *[]uint16 {
	list := new([]uint16)
	flag.Func(name, usage, func(value string) error {
		for _, digits := range words(value) {
			code, err := strconv.ParseUint(digits, 16, 16)
			if err != nil {
				return err
			}
			*list = append(*list, uint16(code))
		}
		return nil
	})
	return list
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(letter rune) bool { return letter == ',' })
}
