package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"matinee/internal/aws/awstest"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/bucket/refs"
	"matinee/internal/preview"
)

// TestMediaConvertScript runs the scripts about MediaConvert, each with an AWS account and buckets of its own.
func TestMediaConvertScript(t *testing.T) {
	runCloudScripts(t, "testdata/script/mediaconvert", map[string]func(*testscript.TestScript, bool, []string){
		"studio": startStudio, "job": setJob, "resolves": resolves,
	})
}

// A filmStudio is a server with two buckets, and a MediaConvert that writes to one of them.
type filmStudio struct {
	server *s3test.Server
	cloud  *awstest.Cloud
	looks  int // at jobs, since they were held
}

// startStudio is "studio": it starts a server with the buckets of the stack films, into which MediaConvert writes.
func startStudio(ts *testscript.TestScript, _ bool, _ []string) {
	server, err := s3test.Start(context.Background(), s3test.Versity, ts.MkAbs("../s3-"+filepath.Base(ts.Getenv("WORK"))))
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
	s := ts.Value("studio").(*filmStudio)
	s.server, s.cloud = server, ts.Value("cloud").(*awstest.Cloud)
	ts.Check(s.open())
	api := ts.Getenv("AWS_ENDPOINT_URL")
	useS3(ts, server.URL)
	ts.Setenv("AWS_ENDPOINT_URL", api)
	ts.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	ts.Setenv("AWS_SESSION_TOKEN", "")
}

// open makes the buckets and lets jobs write into them.
func (s *filmStudio) open() error {
	for _, b := range []string{"films-static", "films-stream"} {
		if err := s.server.CreateBucket(context.Background(), b, b == "films-static"); err != nil {
			return err
		}
	}
	s.cloud.Converter.Quick, s.cloud.Converter.Convert = true, s.convert
	return nil
}

// convert does what a job says, with encodes of the demo's instead of its source.
func (s *filmStudio) convert(j *awstest.ConvertJob) {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil {
			j.ErrorCode, j.ErrorMessage = 1999, err.Error()
		}
	}
	key := strings.TrimPrefix(j.Settings.Inputs[0].FileInput, "s3://films-stream/")
	objects, err := s.server.Objects(ctx, "films-stream")
	fail(err)
	if _, there := objects[key]; !there {
		j.ErrorCode, j.ErrorMessage = 1404, "Unable to open input file ["+j.Settings.Inputs[0].FileInput+"]: [HTTP error 404 returned]"
		return
	}
	var encodes [][]byte
	for _, size := range []string{"240", "480", "720"} {
		data, err := os.ReadFile("../../content/ripples-" + size + ".mp4")
		fail(err)
		encodes = append(encodes, data)
	}
	files, err := j.Outputs(encodes...)
	fail(err)
	for key, data := range files {
		fail(s.server.Put(ctx, "films-stream", key, data))
	}
}

// setJob is the script command about jobs:
//
//	job hold             jobs come no further
//	job go               they do
//	job fail CODE TEXT   they fail
//	job garble           they make master playlists that are none
//	job count N          there were so many jobs so far, or the script fails
//	job await            waits until somebody looks at one that is held
func setJob(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value("studio").(*filmStudio)
	c := &s.cloud.Converter
	s.cloud.Lock()
	defer s.cloud.Unlock()
	switch args[0] {
	case "hold":
		c.Hold, s.looks = true, 0
		c.Before = func(request string) {
			if request == "GetJob" {
				s.looks++
			}
		}
	case "go":
		c.Hold, c.Convert = false, s.convert
	case "fail":
		c.Convert = func(j *awstest.ConvertJob) { _, _ = fmt.Sscan(args[1], &j.ErrorCode); j.ErrorMessage = args[2] }
	case "garble":
		c.Convert = func(j *awstest.ConvertJob) {
			s.convert(j)
			objects, err := s.server.Objects(context.Background(), "films-stream")
			ts.Check(err)
			for key := range objects {
				if path.Base(key) == "master.m3u8" {
					ts.Check(s.server.Put(context.Background(), "films-stream", key, []byte("garbled")))
				}
			}
		}
	case "count":
		if got := fmt.Sprint(len(c.Jobs)); got != args[1] {
			ts.Fatalf("there were %s jobs", got)
		}
	case "await":
		for started := time.Now(); s.looks == 0; {
			if time.Since(started) > time.Minute {
				ts.Fatalf("nobody looks at a job")
			}
			s.cloud.Unlock()
			time.Sleep(10 * time.Millisecond)
			s.cloud.Lock()
		}
	default:
		ts.Fatalf("unknown: job %s", args[0])
	}
}

// resolves is "resolves": every reference of every page and playlist in the two buckets leads to an object.
func resolves(ts *testscript.TestScript, _ bool, _ []string) {
	problems, followed, err := ts.Value("studio").(*filmStudio).broken()
	ts.Check(err)
	if len(problems) > 0 || followed < 10 {
		ts.Fatalf("%d references were followed:\n%s", followed, strings.Join(problems, "\n"))
	}
}

func (s *filmStudio) broken() (problems []string, followed int, err error) {
	static, err := s.server.Objects(context.Background(), "films-static")
	if err != nil {
		return nil, 0, err
	}
	stream, err := s.server.Objects(context.Background(), "films-stream")
	if err != nil {
		return nil, 0, err
	}
	resolver := refs.Resolver{Site: s.cloud.Stack.Outputs["SiteURL"], Stream: s.cloud.Stack.Outputs["StreamURL"]}
	for _, objects := range []map[string]string{static, stream} {
		for key, text := range objects {
			needs, err := resolver.Needs(key, strings.NewReader(text))
			if err != nil {
				return nil, 0, err
			}
			for _, need := range needs {
				followed++
				_, there := objects[need.Key]
				if need.Stream {
					_, there = stream[need.Key]
				}
				if !there {
					problems = append(problems, key+" needs "+need.Key)
				}
			}
		}
	}
	return problems, followed, nil
}

// TestBrowserMediaConvert has a film encoded and published, and plays it: several sizes, and the sound in a group of its
// own, which hls.js light would leave out.
func TestBrowserMediaConvert(t *testing.T) {
	tools := browserTools(t)
	server, _ := startServer(t)
	cloud := awstest.Start(t)
	s := &filmStudio{server: server, cloud: cloud}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	api, site := os.Getenv("AWS_ENDPOINT_URL"), t.TempDir()
	for name, value := range s3test.Credentials() {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_ENDPOINT_URL", api)
	t.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	data, err := os.ReadFile("../../content/ripples-720.mp4")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(site, "content/walk.mp4"), string(data))
	write(t, filepath.Join(site, "content/a-walk.md"), "---\ntitle: A walk\ndate: 2026-01-01\nvideo: walk.mp4\n---\n")
	write(t, filepath.Join(site, "site.yaml"), "title: Films\nstreaming: {encoder: mediaconvert}\n")
	matinee(t, "provision", "--yes", "--source", site)

	// Two hosts show the buckets, as two distributions would.
	clips := httptest.NewServer(s3test.Origin{Client: server.Client(), Bucket: "films-stream", Headers: func(key string) http.Header {
		h := preview.Headers(key, "")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Accept-Ranges, ETag")
		return h
	}})
	defer clips.Close()
	pages := httptest.NewServer(s3test.Origin{Client: server.Client(), Bucket: "films-static", Headers: func(key string) http.Header {
		return preview.Headers(key, clips.URL)
	}})
	defer pages.Close()
	write(t, filepath.Join(site, "site.yaml"), fmt.Sprintf(
		"title: Films\nurl: %s\nstreaming: {encoder: mediaconvert, url: %s}\npublish: {stack: films}\n", pages.URL, clips.URL))
	matinee(t, "build", "--source", site, "--quiet")
	matinee(t, "publish", "--source", site, "--quiet")
	tools.run(t, []string{"MATINEE_URL=" + pages.URL + "/", "MATINEE_ELSEWHERE=" + clips.URL, "MATINEE_PUBLIC=" + filepath.Join(site, "public")}, "remote")
}
