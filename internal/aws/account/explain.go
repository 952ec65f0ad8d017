package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"
)

// An Error is something that did not work in AWS, in the user's words.
type Error struct {
	Text string // what was being done, and why it failed
	Hint string // what to do next, where that is known
	err  error
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns what AWS or the SDK said, which is not fit to be shown.
func (e *Error) Unwrap() error { return e.err }

// Explain says in the user's words why AWS would not do something ("read the stack films"). It is nil for nil. Errors
// that Explain made, and the end of a context, are returned as they are.
func Explain(doing string, err error) error {
	if _, ours := errors.AsType[*Error](err); ours || err == nil || ended(err) {
		return err
	}
	why, hint := reason(err)
	return &Error{Text: doing + ": " + why, Hint: hint, err: err}
}

func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

const (
	expired    = "the AWS session has expired"
	loginAgain = "log in again: aws sso login, or whatever gave you the credentials"
)

// A refusal is an answer of AWS that users can do something about.
type refusal struct {
	codes     []string // of the API
	why, hint string
}

var refusals = []refusal{
	{
		[]string{"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"},
		expired, loginAgain,
	},
	{
		[]string{"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure", "InvalidToken"},
		"AWS does not know these credentials", "check the access key, and that the region is one your account has enabled",
	},
	{
		[]string{"SignatureDoesNotMatch", "IncompleteSignature", "InvalidSignatureException"},
		"AWS does not accept the signature", "check the secret access key, and this machine's clock",
	},
	{
		[]string{"RequestTimeTooSkewed", "RequestInTheFuture"},
		"this machine's clock is wrong by more than AWS accepts", "set the clock, and try again",
	},
	{
		[]string{"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"},
		"it is in another region", "name the region with --region, or as publish.region in site.yaml",
	},
	{
		[]string{"OptInRequired", "SubscriptionRequiredException"},
		"the account is not signed up for this service in this region", "choose another region, or enable this one in the AWS console",
	},
	{
		[]string{
			"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "TooManyRequestsException",
			"RequestLimitExceeded", "SlowDown",
		},
		"AWS asks for fewer requests", "wait a minute, and try again",
	},
	{
		[]string{"InternalFailure", "InternalError", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException"},
		"AWS has trouble of its own", "wait a minute, and try again",
	},
}

var denied = []string{"AccessDenied", "AccessDeniedException", "ForbiddenException", "Forbidden", "UnauthorizedOperation", "UnauthorizedAccess"}

// IsDenied tells whether an error says that a permission is missing.
func IsDenied(err error) bool {
	api, answered := errors.AsType[smithy.APIError](err)
	return answered && slices.Contains(denied, api.ErrorCode())
}

func reason(err error) (why, hint string) {
	api, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return unanswered(err)
	}
	if slices.Contains(denied, api.ErrorCode()) {
		return AccessDenied(api.ErrorMessage())
	}
	for _, r := range refusals {
		if slices.Contains(r.codes, api.ErrorCode()) {
			return r.why, r.hint
		}
	}
	return "AWS says " + api.ErrorCode() + ": " + strings.TrimSuffix(api.ErrorMessage(), "."), ""
}

// notAllowed is how AWS says whose permission for what is missing. It does not always say it.
var notAllowed = regexp.MustCompile(`([\w:/+=,.@-]+) is not authorized to perform: ([\w-]+:\w+)`)

// AccessDenied names the permission that is missing, going by AWS's message.
func AccessDenied(message string) (why, hint string) {
	if m := notAllowed.FindStringSubmatch(message); m != nil {
		return "access denied: " + m[1] + " may not " + m[2],
			"have the permission " + m[2] + " added, or use other credentials; docs/aws.md lists what is needed"
	}
	return "access denied", "use credentials with more permissions; docs/aws.md lists what is needed"
}

// unanswered explains a request that got no answer.
func unanswered(err error) (why, hint string) {
	_, unsent := errors.AsType[*http.RequestSendError](err)
	text := err.Error()
	switch {
	case strings.Contains(text, "no such host"):
		return "AWS cannot be found on the network", "check the connection, and how the region is spelt"
	case unsent:
		return "AWS cannot be reached", "check the connection, and try again"
	case strings.Contains(text, "credentials"): // they were there when the program started
		return expired, loginAgain
	}
	return "the answer makes no sense", "check the connection, and AWS_ENDPOINT_URL where it is set"
}

// loginError says why there are no credentials.
func (a Account) loginError(ctx context.Context, err error) error {
	missing, noProfile := errors.AsType[config.SharedConfigProfileNotExistError](err)
	_, sso := errors.AsType[*ssocreds.InvalidTokenError](err)
	profiled := ""
	if a.Profile != "" {
		profiled = " --profile " + a.Profile
	}
	e := &Error{
		Text: "no AWS credentials could be had",
		Hint: `run "aws sts get-caller-identity` + profiled + `" to see why`,
		err:  err,
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case noProfile:
		e.Text = fmt.Sprintf("there is no AWS profile %q", missing.Profile)
		e.Hint = `"aws configure list-profiles" shows those there are; --profile, publish.profile or AWS_PROFILE chooses one`
	case sso:
		e.Text, e.Hint = expired, `run "aws sso login`+profiled+`", then try again`
	case strings.Contains(err.Error(), "EC2 IMDS"): // the last link of the chain: nothing was found before it
		e.Text = "there are no AWS credentials"
		e.Hint = `run "aws configure" or "aws sso login", or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`
	}
	return e
}
