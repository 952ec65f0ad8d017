// Package remote asks the host of an HLS stream whether a player would find what it needs: the master playlist, the first
// media playlist and the beginning of the first segment. That is three or four small requests, each bounded in time and
// in bytes; nothing is played.
//
// It refuses what it cannot judge no more than a player does: a media playlist may be live, encrypted or of a kind that
// package hls does not hold, as long as it names a segment that answers.
package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"matinee/internal/hls"
)

// Bounds of a request.
const (
	patience    = 15 * time.Second
	maxPlaylist = 8 << 20 // bytes; a day of two-second segments is below it
	maxSegment  = 1 << 10 // bytes that are asked for
	maxHops     = 5       // redirections
)

// Probe asks for a stream and says what a player would miss. Address is that of its master playlist, or of its only
// media playlist.
func Probe(ctx context.Context, address string) error {
	base, body, err := playlist(ctx, address)
	if err != nil {
		return fmt.Errorf("its playlist %w", err)
	}
	if !bytes.Contains(body, []byte("#EXTINF")) {
		var master hls.Master
		if err := master.Unmarshal(body); err != nil {
			return err
		}
		base, body, err = playlist(ctx, resolve(base, master.Variants[0].URI))
		if err != nil {
			return fmt.Errorf("its first encode %w", err)
		}
	}
	segment, err := firstSegment(body)
	if err != nil {
		return err
	}
	if _, _, err := get(ctx, resolve(base, segment), maxSegment, http.Header{"Range": {fmt.Sprintf("bytes=0-%d", maxSegment-1)}}); err != nil {
		return fmt.Errorf("its first segment %w", err)
	}
	return nil
}

// playlist fetches a playlist and returns where it was found in the end.
func playlist(ctx context.Context, address string) (*url.URL, []byte, error) {
	from, body, err := get(ctx, address, maxPlaylist+1, http.Header{})
	switch {
	case err != nil:
		return nil, nil, err
	case len(body) > maxPlaylist:
		return nil, nil, fmt.Errorf("is larger than %d MB (%s)", maxPlaylist>>20, from.Redacted())
	case !bytes.HasPrefix(bytes.TrimPrefix(body, []byte("\ufeff")), []byte("#EXTM3U")):
		return nil, nil, fmt.Errorf("at %s is no HLS playlist", from.Redacted())
	}
	return from, body, nil
}

func resolve(base *url.URL, ref string) string {
	u, err := base.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}

// firstSegment is the first address of a media playlist.
func firstSegment(body []byte) (string, error) {
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return line, nil
		}
	}
	return "", errors.New("its media playlist names no segment")
}

var client = &http.Client{
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxHops:
			return errors.New("redirects too often")
		case r.URL.Scheme != "https" && r.URL.Scheme != "http":
			return fmt.Errorf("redirects to an address of scheme %q", r.URL.Scheme)
		}
		return nil
	},
}

// get fetches at most limit bytes, and returns where they were found in the end.
func get(ctx context.Context, address string, limit int64, header http.Header) (from *url.URL, body []byte, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, nil, fmt.Errorf("has the address %q, which is not on the web", address)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("does not answer within %v (%s)", patience, u.Redacted()))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	request.Header = header
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, unanswered(ctx, u, err)
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusPartialContent {
		return nil, nil, fmt.Errorf("answers %s (%s)", answer.Status, u.Redacted())
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, limit))
	if err != nil {
		return nil, nil, unanswered(ctx, u, err)
	}
	if len(body) == 0 {
		return nil, nil, fmt.Errorf("is empty (%s)", u.Redacted())
	}
	return answer.Request.URL, body, nil
}

// unanswered says why there was no answer.
func unanswered(ctx context.Context, u *url.URL, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	return fmt.Errorf("cannot be fetched from %s: %w", u.Host, err)
}
