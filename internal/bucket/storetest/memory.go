package storetest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the ETag of S3
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"matinee/internal/bucket"
)

// A Memory is a bucket in memory that behaves like S3 with versioning, and misbehaves on demand. Its zero value is an
// empty bucket. The exported fields are set before its first use.
type Memory struct {
	Unversioned   bool // earlier contents are forgotten
	Unconditional bool // conditions of Put are ignored, as by stores that have never heard of them

	// Fault, when set, decides what goes wrong with a request. It is called before each, by one goroutine at a time.
	Fault func(Call) Fault

	// Changed, when set, is called after every request that may have changed an object, with the contents of all, by
	// one goroutine at a time.
	Changed func(c Call, objects map[string]string)

	mu      sync.Mutex
	objects map[string]object
	past    map[string]object // by version
	uploads []upload
	calls   []Call
	serial  int
}

// A Call is a request to a Memory.
type Call struct {
	Number int    // from 1 on
	Method string // of bucket.Store or bucket.Multipart: "Put"
	Key    string // or prefix; the first one of Delete
	Write  bool   // it may change something
}

// A Fault is something that goes wrong with a request.
type Fault int

// The faults. A lost reply is a request that was carried out and whose answer never came; half a body is an object
// that a broken store keeps although it got the first half of it only, and whose ETag says so; a wrong ETag is that
// half's ETag for an object that is whole; what is denied is never worth another try.
const (
	None Fault = iota
	SlowDown
	Reset
	LostReply
	HalfBody
	WrongETag
	Denied
)

type object struct {
	data    []byte
	headers bucket.Headers
	etag    string
	version string
	key     string
	written time.Time
}

type upload struct {
	bucket.Upload
	headers bucket.Headers
	parts   map[int][]byte
}

var (
	_ bucket.Store     = (*Memory)(nil)
	_ bucket.Multipart = (*Memory)(nil)
)

var errReset = errors.New("connection reset by peer")

// request is the frame of every method: it counts, fails on demand, and carries do out under the lock.
func (m *Memory) request(ctx context.Context, c Call, do func(Fault) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Number = len(m.calls) + 1
	m.calls = append(m.calls, c)
	fault := None
	if m.Fault != nil {
		fault = m.Fault(c)
	}
	switch fault {
	case SlowDown:
		return fmt.Errorf("%s %s: %w", c.Method, c.Key, bucket.ErrSlowDown)
	case Reset:
		return fmt.Errorf("%s %s: %w", c.Method, c.Key, errReset)
	case Denied:
		return fmt.Errorf("%s %s: access denied (%w)", c.Method, c.Key, bucket.ErrRefused)
	}
	err := do(fault)
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.Method, c.Key, err)
	}
	if c.Write && m.Changed != nil {
		m.Changed(c, m.contents())
	}
	if fault == LostReply {
		return fmt.Errorf("%s %s: %w", c.Method, c.Key, errReset)
	}
	return nil
}

// Get implements bucket.Store.
func (m *Memory) Get(ctx context.Context, key string) (content *bucket.Content, err error) {
	err = m.request(ctx, Call{Method: "Get", Key: key}, func(Fault) error {
		o, ok := m.objects[key]
		if !ok {
			return bucket.ErrNotFound
		}
		content = &bucket.Content{
			ReadCloser: io.NopCloser(bytes.NewReader(o.data)), ETag: o.etag, Headers: o.headers, Age: time.Since(o.written),
		}
		return nil
	})
	return content, err
}

// Put implements bucket.Store.
func (m *Memory) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (stored bucket.Stored, err error) {
	data, readErr := io.ReadAll(body)
	err = m.request(ctx, Call{Method: "Put", Key: key, Write: true}, func(fault Fault) error {
		if readErr != nil {
			return readErr
		}
		if fault != HalfBody && fault != WrongETag && sha256.Sum256(data) != body.SHA256 {
			return errors.New("the checksum does not match")
		}
		old, exists := m.objects[key]
		if !m.Unconditional && (options.IfAbsent && exists || options.IfMatch != "" && options.IfMatch != old.etag) {
			return bucket.ErrPrecondition
		}
		if fault == HalfBody {
			data = data[:len(data)/2]
		}
		stored = m.keep(key, object{data: data, headers: options.Headers, etag: etag(data)})
		if fault == WrongETag {
			stored.ETag = etag(data[:len(data)/2])
		}
		return nil
	})
	return stored, err
}

// keep makes or replaces an object.
func (m *Memory) keep(key string, o object) bucket.Stored {
	if m.objects == nil {
		m.objects, m.past = map[string]object{}, map[string]object{}
	}
	o.key, o.written = key, time.Now()
	if !m.Unversioned {
		m.serial++
		o.version = fmt.Sprintf("v%d", m.serial)
		m.past[o.version] = o
	}
	m.objects[key] = o
	return bucket.Stored{ETag: o.etag, Version: o.version}
}

// Copy implements bucket.Store.
func (m *Memory) Copy(ctx context.Context, key string, from bucket.Source, headers bucket.Headers) (stored bucket.Stored, err error) {
	err = m.request(ctx, Call{Method: "Copy", Key: key, Write: true}, func(Fault) error {
		o, ok := m.objects[from.Key]
		if from.Version != "" {
			o, ok = m.past[from.Version]
		}
		if !ok {
			return bucket.ErrNotFound
		}
		stored = m.keep(key, object{data: o.data, headers: headers, etag: etag(o.data)})
		return nil
	})
	return stored, err
}

// Holds implements bucket.Versioned.
func (m *Memory) Holds(ctx context.Context, from bucket.Source) error {
	return m.request(ctx, Call{Method: "Holds", Key: from.Key}, func(Fault) error {
		if o, ok := m.past[from.Version]; !ok || o.key != from.Key {
			return bucket.ErrNotFound
		}
		return nil
	})
}

// Expire forgets the earlier contents of all objects, as the lifecycle of a bucket does in time.
func (m *Memory) Expire() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.past = map[string]object{}
	for _, o := range m.objects {
		m.past[o.version] = o
	}
}

// Delete implements bucket.Store. A fault concerns the first key alone, and is told per key as S3 does.
func (m *Memory) Delete(ctx context.Context, keys []string) (failed []bucket.KeyError, err error) {
	if len(keys) == 0 || len(keys) > 1000 {
		return nil, fmt.Errorf("%d keys in one request: %w", len(keys), bucket.ErrRefused)
	}
	err = m.request(ctx, Call{Method: "Delete", Key: keys[0], Write: true}, func(fault Fault) error {
		for i, key := range keys {
			if i == 0 && fault == HalfBody {
				failed = append(failed, bucket.KeyError{Key: key, Err: errors.New("internal error")})
				continue
			}
			delete(m.objects, key)
		}
		return nil
	})
	return failed, err
}

// List implements bucket.Store.
func (m *Memory) List(ctx context.Context, prefix, after string) (page []bucket.Listed, more bool, err error) {
	err = m.request(ctx, Call{Method: "List", Key: prefix}, func(Fault) error {
		for _, key := range slices.Sorted(maps.Keys(m.objects)) {
			if !strings.HasPrefix(key, prefix) || key <= after {
				continue
			}
			if len(page) == 1000 {
				more = true
				break
			}
			page = append(page, bucket.Listed{Key: key, Size: int64(len(m.objects[key].data)), ETag: m.objects[key].etag})
		}
		return nil
	})
	return page, more, err
}

// BeginUpload implements bucket.Multipart.
func (m *Memory) BeginUpload(ctx context.Context, key string, headers bucket.Headers) (u bucket.Upload, err error) {
	err = m.request(ctx, Call{Method: "BeginUpload", Key: key, Write: true}, func(Fault) error {
		m.serial++
		u = bucket.Upload{Key: key, ID: fmt.Sprintf("u%d", m.serial)}
		m.uploads = append(m.uploads, upload{u, headers, map[int][]byte{}})
		return nil
	})
	return u, err
}

func (m *Memory) upload(u bucket.Upload) (upload, error) {
	i := slices.IndexFunc(m.uploads, func(o upload) bool { return o.Upload == u })
	if i < 0 {
		return upload{}, bucket.ErrNotFound
	}
	return m.uploads[i], nil
}

// PutPart implements bucket.Multipart.
func (m *Memory) PutPart(ctx context.Context, u bucket.Upload, number int, body bucket.Body) (part bucket.Part, err error) {
	data, readErr := io.ReadAll(body)
	err = m.request(ctx, Call{Method: "PutPart", Key: u.Key, Write: true}, func(fault Fault) error {
		under, err := m.upload(u)
		if err != nil || readErr != nil {
			return errors.Join(err, readErr)
		}
		if fault == HalfBody {
			data = data[:len(data)/2]
		}
		under.parts[number] = data
		part = bucket.Part{Number: number, Size: int64(len(data)), ETag: etag(data)}
		if fault == WrongETag {
			part.ETag = etag(nil)
		}
		return nil
	})
	return part, err
}

// FinishUpload implements bucket.Multipart.
func (m *Memory) FinishUpload(ctx context.Context, u bucket.Upload, parts []bucket.Part, ifAbsent bool) (stored bucket.Stored, err error) {
	err = m.request(ctx, Call{Method: "FinishUpload", Key: u.Key, Write: true}, func(fault Fault) error {
		under, err := m.upload(u)
		if err != nil {
			return err
		}
		if _, exists := m.objects[u.Key]; exists && ifAbsent && !m.Unconditional {
			return bucket.ErrPrecondition
		}
		sums := md5.New() //nolint:gosec // the ETag of S3
		var data []byte
		for i, p := range parts {
			content, ok := under.parts[p.Number]
			if !ok || p.Number != i+1 || p.ETag != etag(content) {
				return fmt.Errorf("part %d is not what was sent: %w", p.Number, bucket.ErrRefused)
			}
			sum := md5.Sum(content) //nolint:gosec // the ETag of S3
			sums.Write(sum[:])
			data = append(data, content...)
		}
		m.uploads = slices.DeleteFunc(m.uploads, func(o upload) bool { return o.Upload == u })
		stored = m.keep(u.Key, object{data: data, headers: under.headers, etag: fmt.Sprintf("%x-%d", sums.Sum(nil), len(parts))})
		if fault == WrongETag {
			stored.ETag = etag(nil)
		}
		return nil
	})
	return stored, err
}

// AbortUpload implements bucket.Multipart.
func (m *Memory) AbortUpload(ctx context.Context, u bucket.Upload) error {
	return m.request(ctx, Call{Method: "AbortUpload", Key: u.Key, Write: true}, func(Fault) error {
		m.uploads = slices.DeleteFunc(m.uploads, func(o upload) bool { return o.Upload == u })
		return nil
	})
}

// Uploads implements bucket.Multipart.
func (m *Memory) Uploads(ctx context.Context) (list []bucket.Upload, err error) {
	err = m.request(ctx, Call{Method: "Uploads"}, func(Fault) error {
		for _, u := range m.uploads {
			list = append(list, u.Upload)
		}
		return nil
	})
	return list, err
}

// Parts implements bucket.Multipart.
func (m *Memory) Parts(ctx context.Context, u bucket.Upload) (parts []bucket.Part, err error) {
	err = m.request(ctx, Call{Method: "Parts", Key: u.Key}, func(Fault) error {
		under, err := m.upload(u)
		for _, n := range slices.Sorted(maps.Keys(under.parts)) {
			parts = append(parts, bucket.Part{Number: n, Size: int64(len(under.parts[n])), ETag: etag(under.parts[n])})
		}
		return err
	})
	return parts, err
}

// Calls returns the requests so far.
func (m *Memory) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.calls)
}

// Objects returns the contents of all objects.
func (m *Memory) Objects() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contents()
}

func (m *Memory) contents() map[string]string {
	all := make(map[string]string, len(m.objects))
	for key, o := range m.objects {
		all[key] = string(o.data)
	}
	return all
}

func etag(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // the ETag of S3
	return hex.EncodeToString(sum[:])
}
