package mediaconvert

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"matinee/internal/aws/account"
	"matinee/internal/aws/s3"
	"matinee/internal/video"
)

// A requestError is a request to MediaConvert that did not work.
type requestError struct {
	doing string
	err   error
}

func (e *requestError) Error() string { return e.doing + ": " + e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

const (
	provisionIt = `run "matinee provision --mediaconvert": it makes the role and the queue, and lets them be used`
	console     = "look at the job in the MediaConvert console"
	signIn      = "sign in again, and build again: it goes on where it stopped"
)

// explain says in the user's words why a film could not be encoded. What is the film's fault is a [video.Refused], and
// everything else a [video.RemoteError].
func (t *task) explain(err error) error {
	if _, ok := errors.AsType[*video.Refused](err); ok {
		return err
	}
	if _, ok := errors.AsType[*video.CacheError](err); ok {
		return err
	}
	about := t.job.Source.Path + ": "
	var request *requestError
	var store *s3.Error
	var told *account.Error
	switch {
	case errors.As(err, &told):
		return &video.RemoteError{Err: &account.Error{Text: about + told.Text, Hint: told.Hint}}
	case errors.As(err, &request):
		return &video.RemoteError{Err: explainRequest(about+request.doing, request.err)}
	case errors.As(err, &store):
		return &video.RemoteError{Err: &account.Error{Text: about + store.Text, Hint: store.Hint}}
	}
	return &video.RemoteError{Err: fmt.Errorf("%s%w", about, err)}
}

// explainRequest explains the answers that MediaConvert's own API gives, and leaves the others to package account.
func explainRequest(doing string, err error) error {
	api, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return account.Explain(doing, err)
	}
	code, message := api.ErrorCode(), strings.TrimSuffix(api.ErrorMessage(), ".")
	said := func(why, hint string) error { return &account.Error{Text: doing + ": " + why, Hint: hint} }
	switch {
	case strings.Contains(message, "iam:PassRole"):
		return said("access denied: these credentials may not give MediaConvert its role (iam:PassRole)",
			"use credentials with the stack's policy for publishing, or have iam:PassRole for the role added; docs/aws.md lists what is needed")
	case strings.HasPrefix(code, "ExpiredToken"):
		return said("the AWS session has expired", signIn)
	case code == "ServiceQuotaExceededException":
		return said("the account's quota is used up: "+message, "wait until other jobs are done, or have the quota raised in the console of Service Quotas")
	case isBusy(code):
		return said("AWS asks for fewer requests, and goes on doing so", "build again in a few minutes: it goes on where it stopped")
	case aboutRole.MatchString(message):
		return said("MediaConvert cannot work under its role: "+message, provisionIt)
	case code == "NotFoundException":
		return said(message, provisionIt)
	}
	return account.Explain(doing, err)
}

// aboutRole tells messages about the role, of which there are several.
var aboutRole = regexp.MustCompile(`(?i)\b(assume|iam role|role arn|the role)\b`)

func isBusy(code string) bool {
	return slices.Contains([]string{
		"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "ServiceUnavailable", "InternalServerErrorException",
	}, code)
}

// mayPass tells whether a request that did not work may work in a moment.
func mayPass(err error) bool {
	if api, answered := errors.AsType[smithy.APIError](err); answered && isBusy(api.ErrorCode()) {
		return true
	}
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if ok && response.HTTPStatusCode() > 0 {
		return response.HTTPStatusCode() >= http.StatusInternalServerError
	}
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	return unsent
}

// isMissing tells whether what was asked about is not there. Of a job that is to be created, it is the queue.
func isMissing(err error) bool {
	missing, ok := errors.AsType[*types.NotFoundException](err)
	return ok && !strings.Contains(strings.ToLower(aws.ToString(missing.Message)), "queue")
}

// failure says why a job did not make a stream. The numbers are MediaConvert's:
// https://docs.aws.amazon.com/mediaconvert/latest/ug/mediaconvert_error_codes.html
func (t *task) failure(job *types.Job) error {
	id := aws.ToString(job.Id)
	if job.Status == types.JobStatusCanceled {
		return &account.Error{
			Text: fmt.Sprintf("job %s was cancelled", id), Hint: "build again to have it encoded after all, or take the clip out of the site",
		}
	}
	code, message := aws.ToInt32(job.ErrorCode), strings.TrimSuffix(aws.ToString(job.ErrorMessage), ".")
	said := fmt.Sprintf("MediaConvert's error %d: %s", code, message)
	switch {
	case aboutRole.MatchString(message):
		return &account.Error{Text: fmt.Sprintf("job %s cannot work under its role (%s)", id, said), Hint: provisionIt}
	case code/100 == 14 || strings.Contains(message, "Access Denied"):
		return &account.Error{Text: fmt.Sprintf("job %s cannot use the bucket %s (%s)", id, t.Bucket, said), Hint: provisionIt}
	case code/100 == 10:
		return &video.Refused{
			Path: t.job.Source.Path, Reason: "MediaConvert cannot read it (" + said + ", job " + id + ")",
			Hint: fmt.Sprintf("see whether it plays at all; if it does, convert it once: ffmpeg -i %q -c:v libx264 -pix_fmt yuv420p -c:a aac web.mp4", t.job.Source.Path),
		}
	}
	return &account.Error{Text: fmt.Sprintf("job %s failed (%s)", id, said), Hint: console + "; build again to try again"}
}

// tooLong is a job that takes longer than anybody has patience for.
func (t *task) tooLong(id string, took time.Duration) error {
	return &account.Error{
		Text: fmt.Sprintf("job %s is not complete after %v", id, took.Round(time.Minute)),
		Hint: console + "; it goes on, and the next build takes it up",
	}
}
