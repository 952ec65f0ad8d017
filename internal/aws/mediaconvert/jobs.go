package mediaconvert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/mediaconvert"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"

	"matinee/internal/aws/account"
	"matinee/internal/bucket"
	"matinee/internal/video"
)

// errForgotten says that MediaConvert does not know a job. It remembers them for three months.
var errForgotten = errors.New("there is no such job")

// keyTag is the name under which jobs carry the key of their stream.
const keyTag = "matinee"

// A memory is what the cache remembers of a stream in the making.
type memory struct {
	Job string `json:"job"`
}

func (t *task) memoryFile() string { return filepath.Join(t.job.Kept, "job.json") }

// remembered returns the job that an interrupted build was waiting for; "" when there is none.
func (t *task) remembered() string {
	var m memory
	data, err := os.ReadFile(t.memoryFile())
	if err != nil || json.Unmarshal(data, &m) != nil {
		return "" // the account's list of jobs has it as well
	}
	return m.Job
}

// remember saves looking for the job next time. Without it everything works as well.
func (t *task) remember(id string) {
	data, err := json.Marshal(memory{id})
	if err == nil && os.MkdirAll(t.job.Kept, 0o755) == nil {
		_ = os.WriteFile(t.memoryFile(), data, 0o644) //nolint:gosec // no secret
	}
}

func (t *task) forget() { _ = os.Remove(t.memoryFile()) }

// find returns the stream that an earlier job made, or else the job that is making it: one of the account's, or a new one.
func (t *task) find(ctx context.Context) (*video.Remote, string, error) {
	jobs, err := t.jobs(ctx)
	if err != nil {
		return nil, "", err
	}
	for i := range jobs {
		switch jobs[i].Status {
		case types.JobStatusSubmitted, types.JobStatusProgressing:
			id := aws.ToString(jobs[i].Id)
			t.remember(id)
			return nil, id, nil
		case types.JobStatusComplete:
			remote, err := t.collect(ctx)
			if !errors.Is(err, bucket.ErrNotFound) {
				return remote, "", err
			}
		}
	}
	id, err := t.create(ctx, len(jobs))
	return nil, id, err
}

// jobs lists the account's jobs for the stream, the latest first.
func (t *task) jobs(ctx context.Context) ([]types.Job, error) {
	var found []types.Job
	in := &sdk.SearchJobsInput{InputFile: aws.String(t.url(t.inbox())), Order: types.OrderDescending, MaxResults: aws.Int32(20)}
	if t.Queue != "" {
		in.Queue = &t.Queue
	}
	for more := true; more; {
		err := t.ask(ctx, "look for its job", func() error {
			out, err := t.searchJobs(ctx, in)
			if err != nil {
				return err
			}
			for _, j := range out.Jobs {
				if j.UserMetadata[keyTag] == t.job.Key {
					found = append(found, j)
				}
			}
			in.NextToken = out.NextToken
			return nil
		})
		if account.IsDenied(err) {
			return nil, nil // who may not look goes by cache and mark alone
		}
		if err != nil {
			return nil, err
		}
		more = aws.ToString(in.NextToken) != ""
	}
	return found, nil
}

// create asks for a job. failed is how many there were before it.
func (t *task) create(ctx context.Context, failed int) (id string, err error) {
	in := &sdk.CreateJobInput{
		Role: &t.Role, Settings: t.settings(), ClientRequestToken: aws.String(token(t.job.Key, failed)),
		UserMetadata: map[string]string{keyTag: t.job.Key},
	}
	if t.Queue != "" {
		in.Queue = &t.Queue
	}
	err = t.ask(ctx, "create a job", func() error {
		out, err := t.createJob(ctx, in)
		if err == nil && out.Job != nil {
			id = aws.ToString(out.Job.Id)
		}
		return err
	})
	if err == nil && id == "" {
		err = errors.New("create a job: the answer names none")
	}
	if err == nil {
		t.remember(id)
	}
	return id, err
}

// token names a job: of a stream's first job it is the stream's key.
func token(key string, failed int) string {
	if failed == 0 {
		return key
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s after %d", key, failed))
	return hex.EncodeToString(sum[:])
}

// newJobs is how many looks a new job may take to be known everywhere.
const newJobs = 3

// wait returns when a job is complete.
func (t *task) wait(ctx context.Context, id string) error {
	started := t.now()
	for looks := 0; ; looks++ {
		var job *types.Job
		err := t.ask(ctx, "look at job "+id, func() error {
			out, err := t.getJob(ctx, &sdk.GetJobInput{Id: &id})
			if err == nil {
				job = out.Job
			}
			return err
		})
		if err == nil && job == nil {
			err = errForgotten
		}
		if err == nil {
			t.report(video.Converting, int64(percent(job)), 100)
			switch job.Status {
			case types.JobStatusComplete:
				return nil
			case types.JobStatusError, types.JobStatusCanceled:
				t.forget()
				return t.failure(job)
			}
		}
		if err == nil || errors.Is(err, errForgotten) && looks < newJobs {
			err = t.pause(ctx, looks)
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			if !errors.Is(err, errForgotten) {
				t.leave(id)
			}
			return err
		}
		if took := t.now().Sub(started); took >= t.patience() {
			t.leave(id)
			return t.tooLong(id, took)
		}
	}
}

// percent is how far a job has come. It says 100 when it is complete, and not before.
func percent(job *types.Job) int32 {
	if job.Status == types.JobStatusComplete {
		return 100
	}
	return min(max(aws.ToInt32(job.JobPercentComplete), 0), 99)
}

// leave notes a job that goes on by itself, because the build was interrupted or lost sight of it.
func (t *task) leave(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = append(t.running, fmt.Sprintf("%s (job %s)", t.job.Source.Path, id))
}

// tries is how often a request is made that MediaConvert has no time for.
const tries = 8

// ask makes a request, and makes it again when MediaConvert asks for patience or does not answer.
func (t *task) ask(ctx context.Context, doing string, request func() error) error {
	for n := 1; ; n++ {
		err := request()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if isMissing(err) {
			return errForgotten
		}
		if n == tries || !mayPass(err) {
			return &requestError{doing, err}
		}
		if err := t.pause(ctx, n-1); err != nil {
			return err
		}
	}
}
