// Package bucket makes a bucket equal to a built site, without a moment in which a visitor meets a page whose files
// are not there yet, and without losing its thread when it is killed anywhere in between.
//
// It is arithmetic over the interfaces it declares, and knows neither AWS nor HTTP nor configuration:
//
//	read the pointer → Diff → Plan → lock → waves → manifest → commit → invalidate → delete → unlock
//
// # State
//
// What is published is recorded in the bucket itself, under [StatePrefix]. A manifest lists the objects of one
// generation of the site; the pointer, [PointerKey], names the manifest that holds, and is the lock as well: taking
// the lock, every heartbeat, the commit and the unlocking are conditional writes of that one object, each on the
// version the last one made. So a plan made from the pointer is carried out only if nobody published since; of two
// publishers exactly one gets in; and a publish of nothing is one request, which also shows whether somebody died half
// way. After such a death the bucket is listed, and what no manifest vouches for is put right.
//
// # Order
//
// Objects go out in waves: files that pages refer to, playlists, master playlists, pages, entry pages. A wave begins
// when the one before is complete, and before the first write every reference of the pages to be published is known to
// be satisfied. A reader therefore finds at every moment a page whose files are all there. Nothing is deleted before
// the commit, nor before an object has been out of the site for a day and two generations (a tab or a player may still
// be open), nor ever when a manifest of ours did not list it.
//
// # What it relies on
//
// Replacing one object is atomic, a listing shows what was written before it (Amazon S3 and its kin promise both), and
// conditional writes work. Whether they do is probed at the first publish; a store that only pretends gets no lock,
// and the caller a warning.
package bucket

import (
	"context"
	"crypto/md5" //nolint:gosec // the ETag of S3, an integrity check and no signature
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// A Store is a bucket: a flat space of objects that are replaced whole. Its methods are called from many goroutines,
// each makes one request, and none retries: that is done here, with one view of how loaded the store is.
//
// Errors say what went wrong in words for the user and wrap [ErrNotFound], [ErrPrecondition], [ErrSlowDown] or
// [ErrRefused] where one of these applies. Every other error is taken for a hiccup of the network and tried again.
type Store interface {
	// Get opens an object. The error wraps ErrNotFound when there is none.
	Get(ctx context.Context, key string) (*Content, error)

	// Put makes or replaces an object. When a condition of options does not hold it does nothing, and the error wraps
	// ErrPrecondition. An object that did not arrive as body's digests say is an error, and does not come into being
	// as far as the store can help it. An object that is not there does not have the ETag of a condition either. The
	// conflict of two conditional writes at the same time is an error to be tried again, and no ErrPrecondition.
	Put(ctx context.Context, key string, body Body, options PutOptions) (Stored, error)

	// Copy makes or replaces the object key from another one, or from itself, inside the store and gives it new
	// headers. The error wraps ErrNotFound when the source is gone.
	Copy(ctx context.Context, key string, from Source, headers Headers) (Stored, error)

	// Delete removes up to 1,000 objects; those that are not there count as removed. Objects that could not be removed
	// are returned in failed, with reasons; err is about the request as a whole.
	Delete(ctx context.Context, keys []string) (failed []KeyError, err error)

	// List returns the first objects, at most 1,000, whose keys begin with prefix and come after the key after, sorted
	// by the bytes of their keys, and whether there are more.
	List(ctx context.Context, prefix, after string) (page []Listed, more bool, err error)
}

// Multipart is what a [Store] can do besides when it takes large objects in parts, which is what makes a killed upload
// continue. A store that implements only Store gets objects of every size in one Put.
//
// The ETag of a part is the hexadecimal MD5 of its content, and that of a finished object the MD5 of the parts' MD5s,
// followed by "-" and their number, unless they are said to be opaque.
type Multipart interface {
	// BeginUpload begins an object that will come into being when its upload is finished.
	BeginUpload(ctx context.Context, key string, headers Headers) (Upload, error)

	// PutPart sends part number (from 1 on), replacing an earlier attempt at it.
	PutPart(ctx context.Context, upload Upload, number int, body Body) (Part, error)

	// FinishUpload makes the object of the listed parts; if ifAbsent, on condition that there is no object, as with Put.
	// The error wraps ErrNotFound when there is no such upload, for instance because an earlier attempt did finish it.
	FinishUpload(ctx context.Context, upload Upload, parts []Part, ifAbsent bool) (Stored, error)

	// AbortUpload forgets an upload and its parts. One that is not there counts as forgotten.
	AbortUpload(ctx context.Context, upload Upload) error

	// Uploads lists the uploads that were begun and not finished, the latest last.
	Uploads(ctx context.Context) ([]Upload, error)

	// Parts lists the parts that have arrived, by number. The error wraps ErrNotFound when there is no such upload.
	Parts(ctx context.Context, upload Upload) ([]Part, error)
}

// Versioned is what a [Store] can do besides when it names versions: tell which of them are left. Stores forget them after
// some time, and going back to half of what was would be worse than staying.
type Versioned interface {
	// Holds returns nil when there is what Copy would take. The error wraps ErrNotFound when there is not.
	Holds(ctx context.Context, from Source) error
}

// An Invalidator is a content delivery network in front of a [Store].
type Invalidator interface {
	// Invalidate makes the network forget answers to the paths ("/a-walk/", "/tags/*"; escaped as in addresses). The
	// same reference is passed whenever the same paths are passed again because it is not known whether they arrived.
	Invalidate(ctx context.Context, paths []string, reference string) (id string, err error)

	// Wait returns when an invalidation has reached everywhere.
	Wait(ctx context.Context, id string) error
}

// Errors of stores.
var (
	ErrNotFound     = errors.New("no such object")
	ErrPrecondition = errors.New("the object is not what the condition says")
	ErrSlowDown     = errors.New("the store asks for fewer requests") // tried again, with fewer at a time
	ErrRefused      = errors.New("refused")                           // trying again would not help: no permission, no such bucket, disk full …
)

// Headers are the response headers that a store keeps with an object. Those that are the same for the whole site
// (content security policy …) belong to whatever serves it.
type Headers struct {
	ContentType  string `json:"type,omitempty"`
	CacheControl string `json:"cache,omitempty"`
}

// A Content is an object being read.
type Content struct {
	io.ReadCloser

	ETag    string
	Headers Headers // zero where the store keeps none, as a directory does

	// Age is the time since the object was written, both taken from the store's clock, so that it does not matter how
	// wrong the clocks of two publishers are.
	Age time.Duration
}

// A Body is what is sent: a section of a file that stands at its start, with its digests.
type Body struct {
	*io.SectionReader

	MD5    [md5.Size]byte
	SHA256 [sha256.Size]byte
}

// readBuffers are used again from one of thousands of small files to the next.
var readBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// ReadBody reads n bytes from offset of r once, for their digests.
func ReadBody(r io.ReaderAt, offset, n int64) (Body, error) {
	sums, shas := md5.New(), sha256.New() //nolint:gosec // see above
	buffer := readBuffers.Get().(*[32 << 10]byte)
	defer readBuffers.Put(buffer)
	if read, err := io.CopyBuffer(io.MultiWriter(sums, shas), io.NewSectionReader(r, offset, n), buffer[:]); err != nil {
		return Body{}, err
	} else if read != n {
		return Body{}, fmt.Errorf("it has %d bytes instead of %d", offset+read, offset+n)
	}
	b := Body{SectionReader: io.NewSectionReader(r, offset, n)}
	sums.Sum(b.MD5[:0])
	shas.Sum(b.SHA256[:0])
	return b, nil
}

// PutOptions are what goes with the content of a Put. At most one condition is set.
type PutOptions struct {
	Headers  Headers
	IfMatch  string // the ETag that the object must have
	IfAbsent bool   // there must be no object
}

// Stored is what a store says of an object it has made.
type Stored struct {
	ETag    string
	Version string // names this content for Copy after the object is replaced or deleted; "" when the store forgets it
	Opaque  bool   // ETag is no MD5 (encryption with a key of one's own, for instance): nothing is concluded from its value
}

// A Source is an object to copy from.
type Source struct {
	Key     string
	Version string // an earlier content of the object; "" for the present one
}

// A Listed is an object in a listing.
type Listed struct {
	Key  string
	Size int64
	ETag string
}

// A KeyError is an object that something could not be done to.
type KeyError struct {
	Key string
	Err error
}

func (e KeyError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap returns what went wrong.
func (e KeyError) Unwrap() error { return e.Err }

// An Upload is an object of several parts under way.
type Upload struct {
	Key string
	ID  string
}

// A Part is a part of an Upload that has arrived.
type Part struct {
	Number int // from 1 on
	Size   int64
	ETag   string
	Opaque bool // as that of Stored
}
