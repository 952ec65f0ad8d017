package preview

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// tries is how many ports Listen looks at.
const tries = 21

// Listen listens on a port of a network address of this machine ("127.0.0.1"), or where that port is taken, on the
// next free one of the twenty above it. Port 0 is any free port.
func Listen(ctx context.Context, host string, port int) (net.Listener, error) {
	var first error
	for p := port; p < port+tries && p <= 65535; p++ {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(p)))
		if err == nil {
			return l, nil
		}
		if first == nil {
			first = err // the one about the port that was asked for
		}
		if port == 0 {
			break
		}
	}
	return nil, first
}

// URL is the address a browser on this machine reaches the listener at.
func URL(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String() + "/"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Serve answers requests until ctx ends. It then lets answers under way finish for a moment, no longer: a browser
// with a paused film holds one open for minutes. It closes l and returns nil when it was ctx that ended it.
func Serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	const grace = time.Second
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if server.Shutdown(brief) != nil {
			_ = server.Close() // what is cut off here was being cut off anyway
		}
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
