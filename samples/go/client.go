// Registers a VIM and prints what becomes of it, or reports on one: see samples/README.md.
//
//	build/client register http://10.0.0.5:5000/v3
//	build/client report VIM_ID
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	v1 "vimesh/v1"
)

const (
	callLimit    = 10 * time.Second
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

func main() {
	if len(os.Args) != 3 || (os.Args[1] != "register" && os.Args[1] != "report") {
		fmt.Fprintln(os.Stderr, "usage: client register AUTH_URL | report VIM_ID")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(command, argument string) error {
	connection, err := open()
	if err != nil {
		return err
	}
	defer connection.Close()
	if command == "report" {
		if err := report(v1.NewConductorServiceClient(connection), argument); err != nil {
			return err
		}
		fmt.Println("bad_action: not wanted any more")
		return nil
	}
	vims := v1.NewVimServiceClient(connection)
	vim, err := register(vims, argument)
	if err != nil {
		return err
	}
	fmt.Println(vim.Revision, "REGISTERED", vim.Status, vim.Id)
	return follow(vims, vim)
}

func open() (*grpc.ClientConn, error) {
	address := os.Getenv("VIMESH_ADDRESS")
	if address == "" {
		address = "127.0.0.1:7600"
	}
	security := grpc.WithInsecure()
	if folder := os.Getenv("VIMESH_CREDENTIALS"); folder != "" {
		shown, err := tls.LoadX509KeyPair(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
		if err != nil {
			return nil, err
		}
		authorities, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
		if err != nil {
			return nil, err
		}
		trusted := x509.NewCertPool()
		if !trusted.AppendCertsFromPEM(authorities) {
			return nil, errors.New("ca.crt holds no certificate")
		}
		security = grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{shown}, RootCAs: trusted, MinVersion: tls.VersionTLS12,
		}))
	}
	// A peer that vanishes silently is noticed within 30 s, even if only a watch is open.
	alive := keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}
	return grpc.Dial(address, security, grpc.WithKeepaliveParams(alive))
}

// backoff pauses for longer each time.
type backoff struct{ next time.Duration }

func (b *backoff) reset() { b.next = 0 }

func (b *backoff) pause() {
	if b.next == 0 {
		b.next = firstPause
	}
	time.Sleep(b.next)
	if b.next *= 2; b.next > longestPause {
		b.next = longestPause
	}
}

// isPassing says whether the conductor or the connection failed: another attempt may find another conductor.
func isPassing(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Unknown, codes.Canceled, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}

func register(vims v1.VimServiceClient, authURL string) (*v1.Vim, error) {
	request := &v1.RegisterVimRequest{
		Vim:    &v1.Vim{Name: "sample-" + uuid(), Type: "openstack", AuthUrl: authURL},
		Engine: v1.Monitor_EXTERNAL,
		// Repeating the call with the same request_id is answered with the same VIM.
		RequestId: uuid(),
	}
	var pauses backoff
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeout(context.Background(), callLimit)
		response, err := vims.RegisterVim(limited, request)
		cancel()
		if err == nil {
			return response.Vim, nil
		}
		if status.Code(err) != codes.Unavailable || attempt == 4 {
			return nil, err
		}
		pauses.pause()
	}
}

// follow prints every change from the one after the registration on, across disconnects, until the VIM is deregistered.
func follow(vims v1.VimServiceClient, vim *v1.Vim) error {
	request := &v1.WatchVimsRequest{VimId: vim.Id, StartRevision: vim.Revision + 1}
	var pauses backoff
	for {
		ended, err := read(vims, request, &pauses)
		switch {
		case ended:
			return nil
		case errors.Is(err, io.EOF):
			// Conductors end each stream after some minutes; then there is nothing wrong.
		case !isPassing(err):
			return err
		default:
			fmt.Fprintln(os.Stderr, "goes on after:", err)
			pauses.pause()
		}
	}
}

// read reads one stream, and keeps in the request where the next one has to begin.
func read(vims v1.VimServiceClient, request *v1.WatchVimsRequest, pauses *backoff) (ended bool, err error) {
	reading, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := vims.WatchVims(reading, request)
	if err != nil {
		return false, err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return false, err
		}
		pauses.reset()
		for _, event := range response.Events {
			fmt.Println(strings.TrimSpace(fmt.Sprint(event.Revision, " ", event.Kind, " ", event.Status, " ", event.Reason)))
			if event.Kind == v1.VimEvent_DEREGISTERED {
				return true, nil
			}
		}
		if response.LogId != "" {
			request.LogId = response.LogId
		}
		if response.Revision > 0 {
			request.StartRevision = response.Revision + 1
		}
	}
}

// report reports until the ping action is not wanted any more: nothing else may end it.
func report(conductor v1.ConductorServiceClient, vimID string) error {
	request := &v1.UpdateVimRequest{
		VimId:    vimID,
		ActionId: vimID,            // of a VIM that was registered with the engine EXTERNAL
		Status:   v1.Vim_REACHABLE, // here the cloud would be asked
		// It grows with each new verdict, also across restarts of this program.
		Observation: uint64(time.Now().UnixNano() / int64(time.Millisecond)),
	}
	var pauses backoff
	for {
		limited, cancel := context.WithTimeout(context.Background(), callLimit)
		response, err := conductor.UpdateVim(limited, request)
		cancel()
		switch {
		case err != nil && !isPassing(err):
			return err
		case err != nil:
			fmt.Fprintln(os.Stderr, "reports again after:", err)
			pauses.pause()
		case response.GetBadAction() != nil:
			return nil
		case response.NewestObservation >= request.Observation:
			request.Observation = response.NewestObservation + 1
		default:
			pauses.reset()
			// Half of the time is left for a report that has to be sent again.
			time.Sleep(response.ContactWithin.AsDuration() / 2)
		}
	}
}

func uuid() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
