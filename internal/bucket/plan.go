package bucket

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Plan is all that a publish is going to do. It holds for the state of the buckets it was made from; Apply finds out
// if that has changed since.
type Plan struct {
	Changes    []Change    // in the order in which they happen
	Deletes    []Deletion  // after the commit
	Gone       []Tombstone // out of the site, staying for now
	Dropped    int         // objects that go out of the site with this plan
	Revived    int         // objects that come back before they were deleted
	Unchanged  Tally
	Invalidate map[Side][]string // paths that networks are told to forget, those of earlier publishes included
	Overwrites []string          // objects that somebody else put where this one puts its own
	Foreign    int               // other objects of somebody else, which are left alone; counted where buckets were listed
	Requests   int               // about how many requests it takes in all
	Note       string            // "back to 3"; "" when publishing

	next         Manifest
	keeps        []keep     // copied before anything changes
	vouched      []Object   // put there by somebody else, and not yet known to be there
	housekeeping []Deletion // state to be deleted
	base         base
	reads        int  // requests made so far
	listed       bool // the plan was made from what is there, not from what the manifest says
}

// A Change is an object that is made, replaced or given other headers.
type Change struct {
	*Entry // of the next manifest
	Reason Reason

	from    *Source // where the store copies the content from; nil when it is sent
	was     string  // ETag that the content has there; "" when it cannot be another
	isLocal bool    // the content could be sent as well
	isFree  bool    // there must be nothing yet

	written int64 // when the local file was written last, if it is large; in Unix nanoseconds, as a plan has many changes
}

// A Reason is why an object changes.
type Reason string

// The reasons.
const (
	New         Reason = "new"
	Replaced    Reason = "content"
	HeadersOnly Reason = "headers"
	Restored    Reason = "restored" // by going back to an earlier generation
)

// A keep is the content of a page that is put aside.
type keep struct {
	from string
	was  string // ETag of the content there
	to   Object
}

// A Tally is a number of objects and the bytes in them.
type Tally struct {
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

func (t *Tally) add(size int64) {
	t.Objects++
	t.Bytes += size
}

// Generation returns the number this publish will have, the present one when there is nothing new.
func (p *Plan) Generation() int {
	if !p.commits() {
		return p.base.pointer.current().Number
	}
	return p.next.Generation
}

// Empty reports whether there is nothing to do at all.
func (p *Plan) Empty() bool {
	return !p.commits() && len(p.Invalidate) == 0 && !p.base.pointer.Dirty && !p.base.pointer.Sweep
}

// commits reports whether the plan makes a new generation.
func (p *Plan) commits() bool {
	return len(p.Changes)+len(p.Deletes)+len(p.housekeeping)+len(p.vouched)+p.Dropped+p.Revived > 0 || len(p.base.pointer.Generations) == 0
}

// Sent counts what is going to be sent.
func (p *Plan) Sent() Tally {
	var t Tally
	for i := range p.Changes {
		if p.Changes[i].from == nil {
			t.add(p.Changes[i].Size)
		}
	}
	return t
}

// count estimates Requests.
func (p *Plan) count() {
	p.Requests = p.reads
	if p.Empty() {
		return
	}
	p.Requests += len(p.keeps) + (len(p.Deletes)+len(p.housekeeping)+999)/1000
	for i := range p.Changes {
		p.Requests++
		if c := &p.Changes[i]; c.from == nil && c.Size > PartSize {
			p.Requests += 1 + len(partsOf(c.Size))
		}
	}
	p.Requests += len(p.Invalidate)
	p.Requests += 2 // lock and unlock
	if p.commits() {
		p.Requests++ // manifest; the commit unlocks when nothing is left to do
		if len(p.Invalidate)+len(p.Deletes)+len(p.housekeeping) > 0 {
			p.Requests++
		}
	}
}

// A TooManyDeletesError is a plan that deletes more than it may.
type TooManyDeletesError struct {
	Deletes []Deletion
	Limit   int
}

func (e *TooManyDeletesError) Error() string {
	keys := make([]string, len(e.Deletes))
	for i, d := range e.Deletes {
		keys[i] = d.Key
	}
	return fmt.Sprintf("%d objects would be deleted, and %d are allowed at once: %s", len(keys), e.Limit, someOf(keys))
}

// someOf names the first few keys.
func someOf(keys []string) string {
	if len(keys) <= shownItems {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:shownItems], ", "), len(keys)-shownItems)
}

// ErrTaken is returned for a bucket in which the site would replace what somebody else put there.
var ErrTaken = errors.New("what is there was not published from here")

// check says why a plan must not be applied. limit is the number of deletions allowed, 0 for the usual: 256, or a
// tenth of the site when that is more; a negative one allows none.
func (p *Plan) check(limit int, takeover bool) error {
	if limit == 0 {
		limit = max(256, len(p.next.Objects)/10)
	}
	if limit = max(0, limit); len(p.Deletes) > limit {
		return &TooManyDeletesError{p.Deletes, limit}
	}
	if len(p.Overwrites) > 0 && !takeover {
		return taken(p.Overwrites...)
	}
	return nil
}

func taken(keys ...string) error { return fmt.Errorf("%s: %w", someOf(keys), ErrTaken) }

// shownItems is how many objects of a kind are listed by name.
const shownItems = 20

// Write prints the plan for people.
func (p *Plan) Write(w io.Writer) error {
	out := &printer{w: w}
	if p.Empty() {
		out.line("nothing to do: generation %d is published, %d objects, %s", p.Generation(), p.Unchanged.Objects, bytesText(p.Unchanged.Bytes))
		return out.err
	}
	for _, reason := range []Reason{New, Replaced, HeadersOnly, Restored} {
		var items []string
		for i := range p.Changes {
			if c := &p.Changes[i]; c.Reason == reason {
				items = append(items, fmt.Sprintf("%s, %s", c.Key, bytesText(c.Size)))
			}
		}
		out.list(string(reason), items)
	}
	var deletes, stays []string
	for _, d := range p.Deletes {
		deletes = append(deletes, d.Key)
	}
	for i := range p.Gone {
		until := p.Gone[i].Time.Add(Grace)
		stays = append(stays, fmt.Sprintf("%s, until a publish after %s", p.Gone[i].Key, until.UTC().Format("2006-01-02 15:04 MST")))
	}
	out.list("not ours", p.Overwrites)
	out.list("delete", deletes)
	out.list("stays", stays)
	out.list("forget", append(append([]string{}, p.Invalidate[Site]...), p.Invalidate[Stream]...))
	sent := p.Sent()
	out.line("generation %d: %d objects and %s to send, %d to copy, %d to delete, %d unchanged; about %d requests", p.Generation(),
		sent.Objects, bytesText(sent.Bytes), len(p.Changes)-sent.Objects, len(p.Deletes), p.Unchanged.Objects, p.Requests)
	return out.err
}

// A printer writes lines until one fails.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) list(what string, items []string) {
	for i, item := range items {
		if i == shownItems {
			p.line("%-9s and %d more", what, len(items)-shownItems)
			return
		}
		p.line("%-9s %s", what, item)
	}
}

// bytesText is a number of bytes as people read it: "1.9 MB".
func bytesText(n int64) string {
	f, unit := float64(n), "bytes"
	for _, larger := range []string{"kB", "MB", "GB", "TB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1000, larger
	}
	if unit == "bytes" || f >= 10 {
		return fmt.Sprintf("%.0f %s", f, unit)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// A BusyError says that somebody else is publishing.
type BusyError struct {
	Owner string
	Since time.Time
	ends  time.Duration // from now on, unless there is a sign of life
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s is publishing, since %s", cmp.Or(e.Owner, "somebody"), e.Since.UTC().Format("2006-01-02 15:04:05 MST"))
}

// Errors of Apply that are nobody's fault: planning again helps.
var (
	ErrChanged  = errors.New("somebody else has published in the meantime")
	ErrLockLost = errors.New("somebody else took over while this publish was under way")
)
