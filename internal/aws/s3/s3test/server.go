// Package s3test is what trying out a publish needs of the world: real S3 servers on this machine, a proxy before them
// that writes down what passes and lets things go wrong on demand, and an origin that shows a bucket as a distribution
// would. Tests, the benchmark and the demonstration use it; the program does not.
package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// The keys of every server. They open nothing else, and stand out in any text.
const (
	AccessKey = "AKIDMATINEETESTACCESS"
	SecretKey = "matinee/test+secret/never+to+be+seen" //nolint:gosec // see above
)

// A Program is an S3 server that can be started.
type Program string

// The programs.
const (
	// Versity checks signatures, checksums and conditions as Amazon does, and keeps objects as files of a folder:
	// https://github.com/versity/versitygw. The Makefile pins its version.
	Versity Program = "versitygw"

	// Moto checks little, but knows more of S3: https://github.com/getmoto/moto.
	Moto Program = "moto_server"
)

// A Server is a running S3 server on this machine.
type Server struct {
	URL     string
	process *exec.Cmd
	log     string // a line for each request
}

// Start starts a server that keeps its files below dir, and returns when it answers. The error wraps
// [exec.ErrNotFound] when the program is not installed.
func Start(ctx context.Context, program Program, dir string) (*Server, error) {
	path, err := Find(program)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	cmd, err := command(program, path, address, dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the server has its own
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + address, process: cmd, log: filepath.Join(dir, accessLog)}
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// accessLog is the file in which Versity writes its requests down.
const accessLog = "access.log"

// Find looks for a program on the path, and where make puts it. The error wraps [exec.ErrNotFound].
func Find(program Program) (string, error) {
	path, err := exec.LookPath(string(program))
	if err == nil {
		return path, nil
	}
	for dir, up := ".", 0; up < 8; dir, up = filepath.Join(dir, ".."), up+1 {
		if path, err := filepath.Abs(filepath.Join(dir, "bin", string(program))); err == nil {
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", err
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func command(program Program, path, address, dir string) (*exec.Cmd, error) {
	if program == Moto {
		_, port, err := net.SplitHostPort(address)
		return exec.Command(path, "--host", "127.0.0.1", "--port", port), err //nolint:noctx // stopped by Close
	}
	objects, versions := filepath.Join(dir, "objects"), filepath.Join(dir, "versions")
	err := errors.Join(os.MkdirAll(objects, 0o700), os.MkdirAll(versions, 0o700))
	return exec.Command(path, "--access", AccessKey, "--secret", SecretKey, "--port", address, //nolint:noctx // stopped by Close
		"--keep-alive", "--quiet", "--access-log", filepath.Join(dir, accessLog), "posix", "--versioning-dir", versions, objects), err
}

// wait returns when the server answers.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			return response.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", s.process.Path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close stops the server.
func (s *Server) Close() error {
	if err := s.process.Process.Kill(); err != nil {
		return err
	}
	_ = s.process.Wait() // says that it was killed
	return nil
}

// Credentials are the environment variables that let programs of AWS use the servers, and nothing else they find.
func Credentials() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": AccessKey, "AWS_SECRET_ACCESS_KEY": SecretKey, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "",
	}
}

// Environ is the environment of this process with [Credentials] in it.
func Environ() []string {
	ours := Credentials()
	list := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, ok := ours[name]
		return ok
	})
	for name, value := range ours {
		if value != "" { // the AWS command line takes an empty profile for one
			list = append(list, name+"="+value)
		}
	}
	return list
}

// CreateBucket makes a bucket, which keeps earlier versions of objects where versions is set.
func (s *Server) CreateBucket(ctx context.Context, name string, versions bool) error {
	client := s.Client()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil || !versions {
		return err
	}
	_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return err
}

// Client speaks to the server as the SDK does by itself.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.URL, Region: "us-east-1", UsePathStyle: true,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, "")),
	})
}

// Requests is how many requests Versity has answered.
func (s *Server) Requests() (int, error) {
	log, err := os.Open(s.log)
	if err != nil {
		return 0, err
	}
	lines, piece := 0, make([]byte, 64<<10) // of a log that may be larger than what it is to measure
	for {
		n, err := log.Read(piece)
		lines += bytes.Count(piece[:n], []byte("\n"))
		if err == io.EOF {
			return lines, log.Close()
		}
		if err != nil {
			return 0, errors.Join(err, log.Close())
		}
	}
}

// Objects returns the contents of a bucket.
func (s *Server) Objects(ctx context.Context, bucket string) (map[string]string, error) {
	client, objects := s.Client(), map[string]string{}
	for pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
			if err != nil {
				return nil, err
			}
			data, err := io.ReadAll(out.Body)
			if err := errors.Join(err, out.Body.Close()); err != nil {
				return nil, err
			}
			objects[*o.Key] = string(data)
		}
	}
	return objects, nil
}
