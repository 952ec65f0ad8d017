package bucket

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the ETag of S3
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
)

// PartSize is the size of the parts of objects larger than it, up to the size from which [PartSizeOf] says otherwise. It
// is fixed, so that an upload can be continued, and an ETag be foretold, by whoever has the file.
const PartSize = 16 << 20

// maxParts is what S3 allows; larger files get larger parts.
const maxParts = 10_000

// A section is a part of a file.
type section struct{ offset, size int64 }

// PartSizeOf is the size of the parts, but for the last one, of an object of a size.
func PartSizeOf(size int64) int64 {
	each := int64(PartSize)
	for size > each*maxParts {
		each *= 2
	}
	return each
}

// partsOf divides a file into parts.
func partsOf(size int64) []section {
	each := PartSizeOf(size)
	var parts []section
	for offset := int64(0); offset < size; offset += each {
		parts = append(parts, section{offset, min(each, size-offset)})
	}
	return parts
}

// send sends a local file and returns what the store has now.
func (p *Publisher) send(ctx context.Context, c *Change, under *uploads) (Stored, error) {
	place := p.place(c.Side)
	m, inParts := place.Store.(Multipart)
	if !inParts || c.Size <= PartSize {
		return p.sendWhole(ctx, place, c)
	}
	file, err := p.Open(c.Key)
	if err != nil {
		return Stored{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	if lastWritten(file) != c.written {
		return Stored{}, &LocalError{c.Key}
	}
	t := transfer{p: p, store: place.Store, multipart: m, change: c, file: file, parts: partsOf(c.Size)}
	return t.run(ctx, under.take(&c.Object), under.haveHeaders(&c.Object))
}

// noteWritten notes when the large files of a plan were written last. There is time to write to them before they are sent
// and while they are, and their digests are not taken again. A file that cannot be opened is the affair of [Publisher.send].
func (p *Publisher) noteWritten(plan *Plan) {
	for i := range plan.Changes {
		c := &plan.Changes[i]
		if c.Size <= PartSize {
			continue
		}
		if file, err := p.Open(c.Key); err == nil {
			c.written = lastWritten(file)
			_ = file.Close()
		}
	}
}

// lastWritten is when a file was written last, in Unix nanoseconds; 0 for what is no file of a file system.
func lastWritten(file File) int64 {
	if f, ok := file.(statter); ok {
		if info, err := f.Stat(); err == nil {
			return info.ModTime().UnixNano()
		}
	}
	return 0
}

// A statter is a file of a file system.
type statter interface{ Stat() (fs.FileInfo, error) }

// sendWhole sends a file in one piece. The caller has the slot.
func (p *Publisher) sendWhole(ctx context.Context, place *Place, c *Change) (Stored, error) {
	file, err := p.Open(c.Key)
	if err != nil {
		return Stored{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	body, err := ReadBody(file, 0, c.Size)
	if err != nil {
		return Stored{}, fmt.Errorf("read %s: %w", c.Key, err)
	}
	if hex.EncodeToString(body.SHA256[:]) != c.SHA256 {
		return Stored{}, &LocalError{c.Key}
	}
	options := PutOptions{Headers: c.Headers, IfAbsent: c.isFree}
	stored, err := p.put(ctx, place, c.Key, body, options)
	if options.IfAbsent && errors.Is(err, ErrPrecondition) {
		if err := p.flow().try(ctx, func() error { return c.mayReplace(ctx, place.Store, stored) }); err != nil {
			return Stored{}, err
		}
		options.IfAbsent = false
		return p.put(ctx, place, c.Key, body, options)
	}
	return stored, err
}

// mayReplace fails if what is there, where nothing should be, is somebody else's: it cannot come from an attempt of ours,
// which may have been damaged on its way, and then has the ETag of the attempt.
func (c *Change) mayReplace(ctx context.Context, store Store, attempt Stored) error {
	there, err := look(ctx, store, c.Key)
	if err == nil && there.Key != "" && there.Size != c.Size && there.ETag != attempt.ETag {
		return taken(c.Key)
	}
	return err
}

// look finds an object; the zero Listed when there is none.
func look(ctx context.Context, store Store, key string) (Listed, error) {
	page, _, err := store.List(ctx, key, "")
	if err != nil || len(page) == 0 || page[0].Key != key {
		return Listed{}, err
	}
	return page[0], nil
}

// A LocalError is a local file that is not what the list says.
type LocalError struct{ Key string }

func (e *LocalError) Error() string { return e.Key + " has changed since it was built" }

// uploads are the uploads that earlier publishes began and did not finish.
type uploads struct {
	begun []begun // what is known of them

	mu   sync.Mutex
	left map[Ref][]Upload
}

// haveHeaders reports whether the uploads of an object, as far as is known, were begun with its headers.
func (u *uploads) haveHeaders(o *Object) bool {
	return !slices.ContainsFunc(u.begun, func(b begun) bool { return b.Ref == o.ref() && b.Headers != o.Headers })
}

// take returns the unfinished uploads of an object, the latest first.
func (u *uploads) take(o *Object) []Upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	found := u.left[o.ref()]
	delete(u.left, o.ref())
	slices.Reverse(found)
	return found
}

// unfinished lists uploads, when the plan was made by listing (then somebody died, or nobody knows) and has use for
// them.
func (p *Publisher) unfinished(ctx context.Context, plan *Plan) (*uploads, error) {
	found := &uploads{begun: plan.base.pointer.Begun, left: map[Ref][]Upload{}}
	for _, side := range p.sides() {
		m, ok := p.place(side).Store.(Multipart)
		isUsed := slices.ContainsFunc(plan.Changes, func(c Change) bool { return c.Side == side && p.inParts(&c) })
		if !ok || !plan.listed || !isUsed {
			continue
		}
		err := p.flow().try(ctx, func() error {
			list, err := m.Uploads(ctx)
			for _, u := range list {
				found.left[Ref{side, u.Key}] = append(found.left[Ref{side, u.Key}], u)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// A transfer is a file on its way in parts. Every request takes a slot of the common traffic.
type transfer struct {
	p         *Publisher
	store     Store
	multipart Multipart
	change    *Change
	file      File
	parts     []section
	upload    Upload
}

// run continues the latest of the earlier uploads that fits, if any may, or begins one.
func (t *transfer) run(ctx context.Context, earlier []Upload, mayFit bool) (Stored, error) {
	sent := make([]Part, len(t.parts))
	for _, u := range earlier {
		var arrived []Part
		if mayFit {
			var err error
			if arrived, err = t.arrived(ctx, u); err != nil {
				return Stored{}, err
			}
		}
		if t.upload.ID == "" && arrived != nil {
			t.upload, sent = u, arrived
			continue
		}
		if err := t.request(ctx, func() error { return t.multipart.AbortUpload(ctx, u) }); err != nil {
			return Stored{}, err
		}
	}
	if t.upload.ID == "" {
		err := t.request(ctx, func() (err error) {
			t.upload, err = t.multipart.BeginUpload(ctx, t.change.Key, t.change.Headers)
			return err
		})
		if err != nil {
			return Stored{}, err
		}
	}
	if err := t.sendParts(ctx, sent); err != nil {
		return Stored{}, err
	}
	if lastWritten(t.file) != t.change.written {
		return Stored{}, &LocalError{t.change.Key}
	}
	return t.finish(ctx, sent)
}

// request makes one request in its turn.
func (t *transfer) request(ctx context.Context, do func() error) error {
	if err := t.p.flow().enter(ctx); err != nil {
		return err
	}
	defer t.p.flow().leave()
	return t.p.flow().try(ctx, do)
}

// arrived returns the parts of an upload by index that are those of the file; nil when the upload is no use.
func (t *transfer) arrived(ctx context.Context, u Upload) ([]Part, error) {
	var list []Part
	err := t.request(ctx, func() (err error) {
		list, err = t.multipart.Parts(ctx, u)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sent := make([]Part, len(t.parts))
	for _, part := range list {
		if part.Number < 1 || part.Number > len(t.parts) {
			return nil, nil
		}
		section := t.parts[part.Number-1]
		body, err := ReadBody(t.file, section.offset, section.size)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.change.Key, err)
		}
		if part.Size == section.size && part.ETag == hex.EncodeToString(body.MD5[:]) {
			sent[part.Number-1] = part
		}
	}
	return sent, nil
}

// sendParts sends the parts that are missing, several at once.
func (t *transfer) sendParts(ctx context.Context, sent []Part) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var group sync.WaitGroup
	for i := range t.parts {
		if sent[i].Number != 0 {
			continue
		}
		if t.p.flow().enter(ctx) != nil {
			break
		}
		group.Go(func() {
			defer t.p.flow().leave()
			var err error
			if sent[i], err = t.sendPart(ctx, i); err != nil {
				stop(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (t *transfer) sendPart(ctx context.Context, i int) (part Part, err error) {
	body, err := ReadBody(t.file, t.parts[i].offset, t.parts[i].size)
	if err != nil {
		return Part{}, fmt.Errorf("read %s: %w", t.change.Key, err)
	}
	err = t.p.flow().try(ctx, func() error {
		if _, err := body.Seek(0, 0); err != nil {
			return err
		}
		part, err = t.multipart.PutPart(ctx, t.upload, i+1, body)
		if err != nil {
			return err
		}
		t.p.flow().observe(body.Size())
		if !part.Opaque && part.ETag != hex.EncodeToString(body.MD5[:]) {
			return fmt.Errorf("put part %d of %s: %w", i+1, t.change.Key, errDamaged)
		}
		return nil
	})
	return part, err
}

// finish makes the object, and checks that it is the file.
func (t *transfer) finish(ctx context.Context, sent []Part) (Stored, error) {
	stored, err := t.complete(ctx, sent, t.change.isFree)
	if errors.Is(err, ErrPrecondition) {
		if err := t.request(ctx, func() error { return t.change.mayReplace(ctx, t.store, stored) }); err != nil {
			return Stored{}, err
		}
		stored, err = t.complete(ctx, sent, false)
	}
	wanted := etagOf(sent)
	if err == nil && (stored.Opaque || stored.ETag == wanted) || err != nil && !errors.Is(err, ErrNotFound) {
		return stored, err
	}
	// The answer is odd, or says that there is no such upload: an attempt whose answer was lost may have finished it.
	var there Listed
	listErr := t.request(ctx, func() (err error) {
		there, err = look(ctx, t.store, t.change.Key)
		return err
	})
	if listErr != nil || there.ETag != wanted {
		return Stored{}, fmt.Errorf("put %s: %w", t.change.Key, errors.Join(errDamaged, err))
	}
	return Stored{ETag: wanted, Version: stored.Version}, nil
}

func (t *transfer) complete(ctx context.Context, sent []Part, ifAbsent bool) (stored Stored, err error) {
	err = t.request(ctx, func() error {
		stored, err = t.multipart.FinishUpload(ctx, t.upload, sent, ifAbsent)
		return err
	})
	return stored, err
}

// etagOf foretells the ETag of an object of several parts.
func etagOf(sent []Part) string {
	var sums bytes.Buffer
	for _, part := range sent {
		sum, err := hex.DecodeString(part.ETag)
		if err != nil {
			return ""
		}
		sums.Write(sum)
	}
	return fmt.Sprintf("%x-%d", md5.Sum(sums.Bytes()), len(sent)) //nolint:gosec // the ETag of S3
}
