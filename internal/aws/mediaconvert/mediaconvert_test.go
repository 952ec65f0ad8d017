package mediaconvert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"matinee/internal/aws/account"
	"matinee/internal/aws/awstest"
	"matinee/internal/aws/mediaconvert"
	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
	"matinee/internal/diag"
	"matinee/internal/video"
)

const role = "arn:aws:iam::123456789012:role/films-MediaConvertRole"

// A world is a site, an account and a bucket in it.
type world struct {
	cloud   *awstest.Cloud
	store   *storetest.Memory
	site    string
	cache   string
	opened  int
	encoder *mediaconvert.Encoder // of the last build
	camera  video.Camera
	stop    func() // called with the next sleep

	mu    sync.Mutex // several clips are waited for at once
	slept []time.Duration
	clock time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{cloud: awstest.Start(t), store: &storetest.Memory{Unversioned: true}, site: t.TempDir(), cache: t.TempDir(), clock: time.Unix(1795392000, 0)}
	w.cloud.Converter.Role = role
	w.cloud.Converter.Convert = w.convert
	w.copy(t, "ripples-720.mp4", "walk.mp4")
	return w
}

func (w *world) copy(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile("../../../content/" + from)
	if err == nil {
		err = os.WriteFile(filepath.Join(w.site, to), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// convert does what a job says, with encodes of the demo's.
func (w *world) convert(j *awstest.ConvertJob) {
	key := strings.TrimPrefix(j.Settings.Inputs[0].FileInput, "s3://films-stream/")
	if _, there := w.store.Objects()[key]; !there {
		j.ErrorCode, j.ErrorMessage = 1404, "Unable to open input file ["+j.Settings.Inputs[0].FileInput+"]: [Failed probe/open: [HTTP error 404 returned]]"
		return
	}
	var encodes [][]byte
	for _, size := range []string{"240", "480", "720"} {
		data, err := os.ReadFile("../../../content/ripples-" + size + ".mp4")
		if err != nil {
			panic(err)
		}
		encodes = append(encodes, data)
	}
	files, err := j.Outputs(encodes...)
	if err != nil {
		panic(err)
	}
	for key, data := range files {
		body, err := bucket.ReadBody(bytes.NewReader(data), 0, int64(len(data)))
		if err == nil {
			_, err = w.store.Put(context.Background(), key, body, bucket.PutOptions{})
		}
		if err != nil {
			panic(err)
		}
	}
}

// build prepares clips as a build of its own does.
func (w *world) build(ctx context.Context, clips ...video.Clip) ([]*video.Video, *video.Library, error) {
	w.encoder = &mediaconvert.Encoder{
		Place: "films-stream",
		Open: func(context.Context) (*mediaconvert.Studio, error) {
			w.opened++
			return &mediaconvert.Studio{
				Account: account.Account{Region: "eu-west-1"}, Bucket: "films-stream", Store: w.store, Role: role,
				Queue:   "arn:aws:mediaconvert:eu-west-1:123456789012:queues/films",
				Headers: func(p string) bucket.Headers { return bucket.Headers{ContentType: "type of " + path.Ext(p)} },
			}, nil
		},
		Sleep: func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			w.slept = append(w.slept, d)
			w.clock = w.clock.Add(d)
			w.mu.Unlock()
			if w.stop != nil {
				w.stop()
			}
			return ctx.Err()
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.clock
		},
	}
	l := &video.Library{Site: os.DirFS(w.site), Cache: w.cache, Encoder: w.encoder, Camera: w.camera}
	if len(clips) == 0 {
		clips = []video.Clip{{Src: "walk.mp4", File: "content/a.md", Line: 3}}
	}
	if err := l.Check(ctx, clips); err != nil {
		return nil, l, err
	}
	videos, err := l.PrepareAll(ctx, clips)
	return videos, l, err
}

func (w *world) requests() int { return len(w.store.Calls()) + w.opened }

func (w *world) must(t *testing.T, clips ...video.Clip) (*video.Video, *video.Library) {
	t.Helper()
	videos, l, err := w.build(t.Context(), clips...)
	if err != nil {
		t.Fatal(err)
	}
	return videos[0], l
}

// The film becomes a stream that lies in the bucket, and a page knows all it needs of it.
func TestEncode(t *testing.T) {
	w := newWorld(t)
	w.camera = video.Stills{}
	v, l := w.must(t)
	if v.Width != 1280 || v.Height != 720 || v.Duration < 9*time.Second || !v.HasVideo || !v.HasAudio || !v.AlternateAudio {
		t.Errorf("the video is %+v", v)
	}
	objects := w.store.Objects()
	remote := l.RemoteFiles()
	known := map[string]bool{}
	for _, f := range remote {
		known[f.Path] = true
		if data, ok := objects[f.Path]; !ok || int64(len(data)) != f.Size || !strings.HasPrefix(f.Path, "stream/clip-") {
			t.Errorf("%+v is not what is in the bucket", f)
		}
	}
	if len(remote) != 2*4+2 { // three sizes and the sound, each with a playlist; the master and the MP4
		t.Errorf("%d remote files: %v", len(remote), remote)
	}
	for _, p := range []string{v.Master, v.Progressive().Path} {
		if !known[p] {
			t.Errorf("%s is not known", p)
		}
	}
	if len(v.Warm) != 4 || v.Warm[0].Path != v.Master || !strings.HasSuffix(v.Warm[1].Path, "-video_1.m3u8") {
		t.Errorf("what is fetched first is %+v", v.Warm)
	}
	for _, r := range v.Warm {
		if !known[r.Path] || r.Offset+r.Length > int64(len(objects[r.Path])) {
			t.Errorf("%+v is not there", r)
		}
	}
	local := map[string]bool{}
	for _, f := range l.Files() {
		local[f.Path] = true
		if known[f.Path] || strings.HasSuffix(f.Path, ".mp4") || strings.HasSuffix(f.Path, ".m3u8") {
			t.Errorf("%s is to be published from here", f.Path)
		}
	}
	if len(v.Poster.Images) == 0 || v.Poster.Images[0].Type != "image/jpeg" || !local[v.Poster.Images[0].Path] || !local[v.Storyboard] || v.Preview != "" {
		t.Errorf("pictures: %+v, %q, %q", v.Poster.Images, v.Storyboard, v.Preview)
	}
	if r := v.Progressive(); r.Size != int64(len(objects[r.Path])) || r.Label != "720p" {
		t.Errorf("the MP4 is %+v", r)
	}
	for _, c := range w.store.Calls() {
		if !c.Write && c.Method != "List" && strings.HasPrefix(c.Key, "stream/") && !strings.HasSuffix(c.Key, ".m3u8") {
			t.Errorf("%s was downloaded", c.Key)
		}
		if strings.HasPrefix(c.Method, "Del") {
			t.Errorf("%s was deleted", c.Key)
		}
	}
	job := w.cloud.Converter.Jobs[0]
	if len(job.Token) != 64 || job.Queue == "" || len(job.Settings.Inputs[0].AudioSelectors) != 1 {
		t.Errorf("the job is %+v", job)
	}
	if !slices.IsSorted(w.slept) || w.slept[0] != 5*time.Second || len(w.slept) < 3 {
		t.Errorf("looks were %v apart", w.slept)
	}

	// Nothing changed, nothing is asked.
	before, seen := w.requests(), len(w.cloud.Converter.Jobs)
	w.cloud.Converter.Before = func(request string) { t.Errorf("a build of nothing asks for %s", request) }
	again, _ := w.must(t)
	if w.requests() != before || len(w.cloud.Converter.Jobs) != seen || again.Master != v.Master {
		t.Errorf("a build of nothing made %d requests", w.requests()-before)
	}
	w.cloud.Converter.Before = nil

	// Another machine takes what is there: no upload, no job.
	w.cache = t.TempDir()
	writes := len(w.store.Calls())
	other, _ := w.must(t)
	for _, c := range w.store.Calls()[writes:] {
		if c.Write {
			t.Errorf("another machine writes %s", c.Key)
		}
	}
	if len(w.cloud.Converter.Jobs) != 1 || other.Master != v.Master || other.Duration != v.Duration {
		t.Errorf("another machine got %+v with %d jobs", other, len(w.cloud.Converter.Jobs))
	}
}

// Every kind of job is one that AWS's model of the service allows: with one language and several, of a file that is no MP4,
// silent, and with its loudness changed.
func TestRequestsAreWhatAWSTakes(t *testing.T) {
	models := awstest.NeedModels(t)
	w := newWorld(t)
	w.cloud.Models = models
	w.copy(t, "chord.mp4", "voices.mp4")
	w.copy(t, "garden.mp4", "silent.mp4")
	matroska := "\x1aE\xdf\xa3" + strings.Repeat("\x00", 100)
	if err := os.WriteFile(filepath.Join(w.site, "a film.MKV"), []byte(matroska), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.build(t.Context(), video.Clip{Src: "walk.mp4"}, video.Clip{Src: "voices.mp4", Wish: video.Wish{Loudness: -16}}, video.Clip{Src: "a film.MKV"}, video.Clip{Src: "silent.mp4"})
	if err != nil {
		t.Fatal(err)
	}
	languages, silent := 0, 0
	for _, j := range w.cloud.Converter.Jobs {
		n := len(j.Settings.Inputs[0].AudioSelectors)
		languages = max(languages, n)
		if n == 0 {
			silent++
		}
		if from := j.Settings.Inputs[0].FileInput; path.Ext(from) != ".mp4" && path.Ext(from) != ".mkv" {
			t.Errorf("a source is called %s", from)
		}
	}
	if languages < 2 || silent != 1 {
		t.Errorf("%d languages, %d silent", languages, silent)
	}
	for _, operation := range []string{"CreateJob", "GetJob", "SearchJobs"} {
		if w.cloud.Seen["mediaconvert "+operation] == 0 {
			t.Errorf("%s was not held against its model", operation)
		}
	}
}

// A poster taken at a moment shows the nearest picture that there is of the film. Each has a blue of its own.
func TestPosterAt(t *testing.T) {
	w := newWorld(t)
	w.camera = video.Stills{}
	at := 7900 * time.Millisecond // the stills are two seconds apart
	v, l := w.must(t, video.Clip{Src: "walk.mp4", PosterAt: &at})
	largest := v.Poster.Images[len(v.Poster.Images)-1].Path
	for _, f := range l.Files() {
		if f.Path != largest {
			continue
		}
		file, err := os.Open(f.Source)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // read only
		picture, err := jpeg.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, blue, _ := picture.At(640, 360).RGBA(); blue>>8 < 150 || blue>>8 > 170 {
			t.Errorf("the picture has %d of blue, and that of 8 s has 160", blue>>8)
		}
		return
	}
	t.Errorf("%s is no file of the site", largest)
}

// Who may not look for jobs can have them made.
func TestMayNotSearch(t *testing.T) {
	for _, code := range []string{"AccessDeniedException", "ForbiddenException"} {
		w := newWorld(t)
		w.cloud.Refuse["SearchJobs"] = awstest.Refusal{Code: code, Message: "no", Status: 403}
		w.must(t)
	}
}

// A clip under another name, or twice, is the same stream, and another wish another one.
func TestOneStreamForOneContent(t *testing.T) {
	w := newWorld(t)
	w.copy(t, "ripples-720.mp4", "stroll.mp4")
	videos, l, err := w.build(t.Context(), video.Clip{Src: "walk.mp4"}, video.Clip{Src: "walk.mp4"})
	if err != nil || videos[0].Master != videos[1].Master || len(w.cloud.Converter.Jobs) != 1 {
		t.Fatalf("%v, %d jobs", err, len(w.cloud.Converter.Jobs))
	}
	renamed, _ := w.must(t, video.Clip{Src: "stroll.mp4"})
	if renamed.Master != videos[0].Master || len(w.cloud.Converter.Jobs) != 1 || len(l.RemoteFiles()) == 0 {
		t.Errorf("%s and %s, %d jobs", renamed.Master, videos[0].Master, len(w.cloud.Converter.Jobs))
	}
	louder, _ := w.must(t, video.Clip{Src: "walk.mp4", Wish: video.Wish{Loudness: -16}})
	if louder.Master == renamed.Master || len(w.cloud.Converter.Jobs) != 2 {
		t.Errorf("%s with %d jobs", louder.Master, len(w.cloud.Converter.Jobs))
	}
	uploads := 0
	for _, c := range w.store.Calls() {
		if c.Write && strings.Contains(c.Key, "inbox") {
			uploads++
		}
	}
	if uploads != 1 {
		t.Errorf("%d uploads", uploads)
	}
}

// A build that is interrupted leaves the job running, says so, and the next one waits for the same job: with the cache it
// had, and without.
func TestInterrupted(t *testing.T) {
	for _, sameCache := range []bool{true, false} {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		w.stop = cancel
		_, _, err := w.build(ctx)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted: %v", err)
		}
		id := w.cloud.Converter.Jobs[0].ID
		if running := w.encoder.Running(); !slices.Equal(running, []string{"walk.mp4 (job " + id + ")"}) {
			t.Errorf("running: %q", running)
		}
		w.stop = nil
		if !sameCache {
			w.cache = t.TempDir()
		}
		w.must(t)
		if n := len(w.cloud.Converter.Jobs); n != 1 {
			t.Errorf("%d jobs, same cache: %v", n, sameCache)
		}
	}
}

// Killed between the answer to CreateJob and writing it down, the next build finds the job, whatever moment it was.
func TestKilledAfterCreate(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.cloud.Converter.Before = func(request string) {
		if request == "CreateJob" {
			cancel() // the answer is lost
		}
	}
	if _, _, err := w.build(ctx); err == nil {
		t.Fatal("it was not interrupted")
	}
	for asked := false; !asked; time.Sleep(time.Millisecond) { // the request is under way
		w.cloud.Lock()
		asked = len(w.cloud.Converter.Jobs) > 0
		w.cloud.Converter.Before = nil
		w.cloud.Unlock()
	}
	w.must(t)
	if n := len(w.cloud.Converter.Jobs); n != 1 {
		t.Errorf("%d jobs", n)
	}
}

// A job that MediaConvert no longer remembers is looked for by other means, and asked for again if there are none.
func TestForgotten(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	if _, _, err := w.build(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.stop, w.cloud.Converter.Jobs = nil, nil
	w.must(t)
	if n := len(w.cloud.Converter.Jobs); n != 1 {
		t.Errorf("%d jobs", n)
	}
	w.cloud.Refuse["GetJob"] = awstest.Refusal{Code: "NotFoundException", Message: "Job not found", Status: 404}
	_, _, err := w.build(t.Context(), video.Clip{Src: "walk.mp4", Wish: video.Wish{Loudness: -16}})
	if err == nil || !strings.Contains(err.Error(), "which it has just named") {
		t.Errorf("never known: %v", err)
	}
}

// AWS asking for patience, and answering with an error of its own, is no reason to give up.
func TestThrottled(t *testing.T) {
	w := newWorld(t)
	w.cloud.Converter.Busy = 5
	w.must(t)
	if len(w.slept) < 5 || len(w.cloud.Converter.Jobs) != 1 {
		t.Errorf("slept %v, %d jobs", w.slept, len(w.cloud.Converter.Jobs))
	}
}

// What went wrong is said so that one knows what to do, and the next build tries again.
func TestFailures(t *testing.T) {
	refuse := func(action, code, message string) func(*world) {
		return func(w *world) { w.cloud.Refuse[action] = awstest.Refusal{Code: code, Message: message, Status: 403} }
	}
	fail := func(code int, message string) func(*world) {
		return func(w *world) {
			w.cloud.Converter.Convert = func(j *awstest.ConvertJob) { j.ErrorCode, j.ErrorMessage = code, message }
		}
	}
	for _, test := range []struct {
		name       string
		arrange    func(*world)
		text, hint string
		refused    bool // it is the film's fault
	}{
		{
			"pass role", refuse("CreateJob", "AccessDeniedException", "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: iam:PassRole on resource: "+role),
			"walk.mp4: create a job: access denied: these credentials may not give MediaConvert its role (iam:PassRole)", "docs/aws.md", false,
		},
		{
			"role", func(w *world) { w.cloud.Converter.Role = "another" },
			"walk.mp4: create a job: MediaConvert cannot work under its role: /role: The role " + role + " cannot be assumed", "matinee provision --mediaconvert", false,
		},
		{
			"denied", refuse("GetJob", "AccessDeniedException", "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: mediaconvert:GetJob"),
			"access denied: arn:aws:iam::123456789012:user/ada may not mediaconvert:GetJob", "have the permission", false,
		},
		{"forbidden", refuse("CreateJob", "ForbiddenException", "no"), "walk.mp4: create a job: access denied", "docs/aws.md", false},
		{"expired", refuse("SearchJobs", "ExpiredTokenException", awstest.Token), "walk.mp4: look for its job: the AWS session has expired", "sign in again", false},
		{"quota", refuse("CreateJob", "ServiceQuotaExceededException", "You have 100 jobs"), "the account's quota is used up: You have 100 jobs", "Service Quotas", false},
		{"throttled", func(w *world) { w.cloud.Converter.Busy = 1000 }, "AWS asks for fewer requests, and goes on doing so", "it goes on where it stopped", false},
		{"queue", refuse("CreateJob", "NotFoundException", "Queue films not found"), "create a job: Queue films not found", "matinee provision --mediaconvert", false},
		{"bad request", refuse("CreateJob", "BadRequestException", "/settings: Should not have this"), "AWS says BadRequestException: /settings: Should not have this", "", false},
		{
			"unsupported", fail(1010, "MediaConvert couldn't identify the type of the input file."),
			"walk.mp4: MediaConvert cannot read it (MediaConvert's error 1010: MediaConvert couldn't identify the type of the input file, job 1795392000000-abc123)", "convert it once", true,
		},
		{"no access", fail(1401, "Unable to open input file: [HTTP error 403 returned]."), "cannot use the bucket films-stream (MediaConvert's error 1401", "matinee provision --mediaconvert", false},
		{"not assumed", fail(1450, "Unable to assume role ["+role+"]"), "cannot work under its role (MediaConvert's error 1450", "matinee provision --mediaconvert", false},
		{"failed", fail(1999, "Unknown error."), "walk.mp4: job 1795392000000-abc123 failed (MediaConvert's error 1999: Unknown error)", "MediaConvert console", false},
		{"cancelled", func(w *world) {
			w.stop = func() { w.cloud.Lock(); w.cloud.Converter.Jobs[0].Status = "CANCELED"; w.cloud.Unlock(); w.stop = nil }
		}, "walk.mp4: job 1795392000000-abc123 was cancelled", "build again", false},
		{"endless", func(w *world) { w.cloud.Converter.Hold = true }, "is not complete after 24h0m", "the next build takes it up", false},
		{"nothing made", func(w *world) { w.cloud.Converter.Convert = nil }, "is complete, and what it should have made is not in the bucket films-stream", "build again", false},
		{"upload", func(w *world) {
			w.store.Fault = func(c storetest.Call) storetest.Fault {
				if c.Write {
					return storetest.Denied
				}
				return storetest.None
			}
		}, "walk.mp4: ", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.arrange(w)
			_, _, err := w.build(t.Context())
			if err == nil {
				t.Fatal("there is no error")
			}
			text, hint := err.Error(), ""
			told, isCloud := errors.AsType[*account.Error](err)
			problem, isProblem := errors.AsType[*diag.Problem](err)
			if isCloud {
				hint = told.Hint
			}
			if isProblem {
				hint = problem.Hint
			}
			if isProblem != test.refused || !strings.Contains(text, test.text) || !strings.Contains(hint, test.hint) {
				t.Errorf("%s\nhint: %s\nwant %q and %q, %v", text, hint, test.text, test.hint, test.refused)
			}
			if strings.Contains(text+hint, awstest.Token) || strings.Contains(text+hint, awstest.Secret) {
				t.Error("it says a secret")
			}
			if test.name == "upload" {
				return // the memory does not change its mind
			}

			// Put right, the next build succeeds, with a new job where the old one had ended.
			clear(w.cloud.Refuse)
			w.stop = nil
			w.cloud.Converter.Role, w.cloud.Converter.Busy, w.cloud.Converter.Hold, w.cloud.Converter.Convert = role, 0, false, w.convert
			w.must(t)
			tokens := map[string]bool{}
			for _, j := range w.cloud.Converter.Jobs {
				tokens[j.Token] = true
			}
			if len(tokens) != len(w.cloud.Converter.Jobs) || len(tokens) > 2 {
				t.Errorf("%d jobs with %d tokens", len(w.cloud.Converter.Jobs), len(tokens))
			}
		})
	}
}

// A connection that is missing is told once, however many clips there are, and only when there is something to do.
func TestNoWayThere(t *testing.T) {
	w := newWorld(t)
	for i, from := range []string{"spiral.mp4", "silk.mp4"} {
		w.copy(t, from, fmt.Sprint("more", i, ".mp4"))
	}
	w.must(t)
	clips := []video.Clip{{Src: "walk.mp4"}, {Src: "more0.mp4"}, {Src: "more1.mp4"}}
	encoder := &mediaconvert.Encoder{Place: "films-stream", Open: func(context.Context) (*mediaconvert.Studio, error) {
		return nil, &account.Error{Text: "AWS cannot be found on the network", Hint: "check the connection"}
	}}
	l := &video.Library{Site: os.DirFS(w.site), Cache: w.cache, Encoder: encoder}
	if _, err := l.PrepareAll(t.Context(), clips[:1]); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
	_, err := l.PrepareAll(t.Context(), clips)
	if err == nil || err.Error() != "AWS cannot be found on the network" {
		t.Errorf("got %v", err)
	}
}

// Outputs that somebody deleted are made again, and no page is made of half a stream.
func TestOutputsThatAreGone(t *testing.T) {
	w := newWorld(t)
	v, _ := w.must(t)
	if _, err := w.store.Delete(t.Context(), []string{v.Progressive().Path}); err != nil {
		t.Fatal(err)
	}
	w.cache = t.TempDir()
	again, _ := w.must(t)
	if again.Master != v.Master || len(w.cloud.Converter.Jobs) != 2 {
		t.Errorf("%s, %d jobs", again.Master, len(w.cloud.Converter.Jobs))
	}
}

// What is certainly no film is refused without asking anybody.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.site, "notes.mov"), []byte("These are notes, and no film.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.site, "empty.mov"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.mov", "empty.mov"} {
		_, _, err := w.build(t.Context(), video.Clip{Src: name, File: "content/a.md", Line: 3})
		if err == nil || !strings.Contains(err.Error(), "content/a.md:3: "+name+": not a film") || w.requests() > 0 {
			t.Errorf("%s: %v after %d requests", name, err, w.requests())
		}
	}
}
