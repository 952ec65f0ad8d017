// Package mediaconvert has films encoded by AWS Elemental MediaConvert, and leaves them where it puts them.
//
// The source goes into the private inbox of the streaming bucket, under the name of its content; one job reads it there
// and writes to the same bucket what players ask for:
//
//	.matinee/inbox/<sha256 of the source>.mov    the source, which the bucket forgets after a week
//	stream/clip-<key>/master.m3u8 …              CMAF with HLS: as many sizes as MediaConvert finds useful, sound as a group
//	stream/clip-<key>/film.mp4                   picture and sound in one file: without JavaScript, in feeds, to keep
//	.matinee/stills/<key>/                       pictures at regular times, of which posters and storyboards are made
//	.matinee/made/<key>.json                     says that all of this is there
//
// Nothing under .matinee/ is served. Of what the job writes, only playlists and pictures are read. What a stream is called
// depends on its source and on the recipe alone, so every machine finds what another one has had made.
//
// # One job for one stream
//
// Jobs cost money, and waiting for one can be interrupted at any moment. So before a job is asked for, whoever asks looks
// (1) into the cache, which remembers the job of a build that was interrupted, (2) for the mark of a stream that is there,
// and (3) where it may, among the jobs of the queue for one of the same stream, running or done. A new job carries the stream's key as its
// token, which MediaConvert takes once within a minute: that covers the moment in which a job is not listed yet. A job that
// failed or was cancelled is not taken up; the token of the next one says how many there were before it.
//
// A job goes on when whoever waits for it stops. Nothing here ever cancels one.
package mediaconvert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"

	"matinee/internal/aws/account"
	"matinee/internal/bucket"
	"matinee/internal/mp4"
	"matinee/internal/video"
)

// An Encoder has films encoded in one account. Place and Open are set before its first use.
type Encoder struct {
	Place string // names the bucket: a stream that lies in another one is another stream
	// Open finds the way there. It is called when there is something to encode, and not before.
	Open func(ctx context.Context) (*Studio, error)

	// Sleep pauses between two looks at a job; nil sleeps.
	Sleep func(context.Context, time.Duration) error
	// Now is the time; nil is the clock's.
	Now func() time.Time
	// Patience is how long to wait for a job; 0 for a day.
	Patience time.Duration

	mu      sync.Mutex
	session *session
	closed  *video.RemoteError // why there is no session
	running []string           // films that are being encoded though nobody waits any more

	sending sync.Mutex // held by who uploads: one film at a time fills the line
}

var _ video.RemoteEncoder = (*Encoder)(nil)

// A Studio is what is needed in an account.
type Studio struct {
	Account account.Account
	Bucket  string       // for streams
	Store   bucket.Store // the same
	Role    string       // ARN of the role that jobs work under
	Queue   string       // ARN of the queue they wait in; "" for the account's default one
	// Headers are those with which a file of the streaming bucket is sent.
	Headers func(path string) bucket.Headers
}

// A session is a Studio that is connected.
type session struct {
	*Studio
	searchJobs operation[sdk.SearchJobsInput, sdk.SearchJobsOutput]
	createJob  operation[sdk.CreateJobInput, sdk.CreateJobOutput]
	getJob     operation[sdk.GetJobInput, sdk.GetJobOutput]
	send       bucket.Publisher
}

type operation[In, Out any] = account.Operation[In, Out, sdk.Options]

// recipe is the recipe of streams. A change to the settings of jobs is a new one.
const recipe = "mediaconvert 1"

// Recipe implements [video.Encoder].
func (e *Encoder) Recipe(_ context.Context, w video.Wish) (string, error) {
	return fmt.Sprintf("%s, in %s, loudness %g", recipe, e.Place, w.Loudness), nil
}

// Encode implements [video.Encoder]. It is not called, since EncodeRemote is.
func (e *Encoder) Encode(context.Context, *video.Job) ([]video.Source, error) {
	return nil, errors.ErrUnsupported
}

// Check implements [video.Encoder]. It refuses what MediaConvert is certain to refuse, and makes no request.
func (e *Encoder) Check(_ context.Context, job *video.Job) error {
	s := job.Sources[0]
	switch kind := mp4.Sniff(s.Head); {
	case slices.Contains([]string{"empty", "text", "HTML", "PDF", "ZIP", "JPEG", "PNG", "GIF"}, kind):
		return &video.Refused{Path: s.Path, Reason: "not a film (" + kind + ")", Hint: "name the file of the film"}
	case slices.Contains([]string{"WAV", "MP3", "AAC", "FLAC"}, kind) || s.Movie != nil && s.Movie.Select().Video == nil:
		return &video.Refused{Path: s.Path, Reason: "has no picture, and streaming.encoder: mediaconvert makes films", Hint: "use streaming.encoder: auto for a site of sound"}
	}
	return nil
}

// Running lists the films that MediaConvert still works on although nobody waits any more, because the build was
// interrupted or lost sight of them, with their jobs: "content/walk.mov (job 1700000000000-abc123)".
func (e *Encoder) Running() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(slices.Values(e.running))
}

// EncodeRemote implements [video.RemoteEncoder].
func (e *Encoder) EncodeRemote(ctx context.Context, job *video.RemoteJob) (*video.Remote, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	t := &task{Encoder: e, session: s, job: job}
	remote, err := t.run(ctx)
	if err == nil || ctx.Err() != nil {
		return remote, err
	}
	return nil, t.explain(err)
}

// open opens the way to the account once. When there is none, everybody is told the same error.
func (e *Encoder) open(ctx context.Context) (*session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session != nil {
		return e.session, nil
	}
	if e.closed != nil {
		return nil, e.closed
	}
	studio, err := e.Open(ctx)
	if err == nil {
		cfg, openErr := studio.Account.Open(ctx)
		if err = openErr; err == nil {
			client := sdk.NewFromConfig(cfg)
			e.session = &session{
				Studio: studio, searchJobs: client.SearchJobs, createJob: client.CreateJob, getJob: client.GetJob,
				send: bucket.Publisher{Site: bucket.Place{Name: "s3://" + studio.Bucket, Store: studio.Store}},
			}
			return e.session, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e.closed = &video.RemoteError{Err: err}
	return nil, e.closed
}

// A task is one film on its way to being a stream.
type task struct {
	*Encoder
	*session
	job *video.RemoteJob
}

// inbox is the key of the source. It is said by the content, so a source is uploaded once, whatever is made of it.
func (t *task) inbox() string {
	return bucket.StatePrefix + "inbox/" + t.job.SHA256 + strings.ToLower(path.Ext(t.job.Source.Path))
}

// folder is where the stream goes. It has ten digits of the key, as all names of streams.
func (t *task) folder() string { return "stream/clip-" + t.job.Key[:10] + "/" }

func (t *task) stills() string { return bucket.StatePrefix + "stills/" + t.job.Key + "/" }

func (t *task) mark() string { return bucket.StatePrefix + "made/" + t.job.Key + ".json" }

func (t *task) url(key string) string { return "s3://" + t.Bucket + "/" + key }

// run takes the stream where it finds it, or has it made.
func (t *task) run(ctx context.Context) (*video.Remote, error) {
	id := t.remembered()
	isOld := id != ""
	if !isOld {
		remote, err := t.made(ctx)
		if remote != nil || err != nil {
			return remote, err
		}
		if err := t.upload(ctx); err != nil {
			return nil, err
		}
		if remote, id, err = t.find(ctx); remote != nil || err != nil {
			return remote, err
		}
	}
	err := t.wait(ctx, id)
	if errors.Is(err, errForgotten) {
		t.forget()
		if isOld { // the cache is older than MediaConvert's memory
			return t.run(ctx)
		}
		return nil, &account.Error{Text: fmt.Sprintf("MediaConvert says that there is no job %s, which it has just named", id), Hint: "build again in a minute"}
	}
	if err != nil {
		return nil, err
	}
	remote, err := t.collect(ctx)
	if errors.Is(err, bucket.ErrNotFound) {
		t.forget()
		return nil, &account.Error{
			Text: fmt.Sprintf("job %s is complete, and what it should have made is not in the bucket %s: %v", id, t.Bucket, err),
			Hint: "build again to have it made again; if it happens again, look at the job in the MediaConvert console",
		}
	}
	return remote, err
}

// upload puts the source into the inbox, unless it is there.
func (t *task) upload(ctx context.Context) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	o := bucket.Object{Key: t.inbox(), Size: t.job.Source.Size, SHA256: t.job.SHA256}
	there, err := t.list(ctx, o.Key)
	if err != nil {
		return err
	}
	if there[o.Key] == o.Size && o.Size > 0 {
		return nil
	}
	meter := bucket.Publisher{Site: t.send.Site}
	meter.Site.Store = metered(t.Store, func(done int64) { t.report(video.Uploading, done, o.Size) })
	if err := meter.Send(ctx, o, t.job.Source.Data); err != nil {
		if _, changed := errors.AsType[*bucket.LocalError](err); changed {
			return &video.Refused{Path: t.job.Source.Path, Reason: "it has changed while it was read", Hint: "build again"}
		}
		return err
	}
	t.report(video.Uploading, o.Size, o.Size)
	return nil
}

func (t *task) report(step video.Step, done, total int64) {
	if t.job.Report != nil {
		t.job.Report(step, done, total)
	}
}

// list returns the sizes of the objects whose keys begin with prefix.
func (t *task) list(ctx context.Context, prefix string) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := t.send.List(ctx, prefix, func(l bucket.Listed) error {
		sizes[l.Key] = l.Size
		return nil
	})
	return sizes, err
}

// metered tells how much of an upload has arrived.
func metered(store bucket.Store, tell func(done int64)) bucket.Store {
	if m, ok := store.(inParts); ok {
		return &meter{inParts: m, tell: tell}
	}
	return store
}

type inParts interface {
	bucket.Store
	bucket.Multipart
}

type meter struct {
	inParts

	mu   sync.Mutex
	done int64
	tell func(int64)
}

// PutPart implements [bucket.Multipart].
func (m *meter) PutPart(ctx context.Context, upload bucket.Upload, number int, body bucket.Body) (bucket.Part, error) {
	part, err := m.inParts.PutPart(ctx, upload, number, body)
	if err == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.done += body.Size()
		m.tell(m.done)
	}
	return part, err
}

// pause waits between two looks at something: 5 s after the first, and up to 30 s later on.
func (e *Encoder) pause(ctx context.Context, looks int) error {
	each := 5 * time.Second
	for range min(looks, 8) {
		each = min(each*3/2, 30*time.Second)
	}
	if e.Sleep != nil {
		return e.Sleep(ctx, each)
	}
	return account.Sleep(ctx, each)
}

func (e *Encoder) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

func (e *Encoder) patience() time.Duration { return cmp.Or(e.Patience, 24*time.Hour) }
