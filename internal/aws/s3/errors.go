package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"matinee/internal/aws/account"
	"matinee/internal/bucket"
)

// An Error is a request that did not work, in words for whoever publishes. It holds no key, token or signature, and
// nothing of the SDK's own text, which might.
type Error struct {
	Text string // what was being done, to what, and what was wrong: "put a.html in films: access denied"
	Hint string // what to do next; "" when that is not known
	is   error  // of package bucket, or errUnconditional or errTooLarge, or nil
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the error of package bucket that says what to do about e, if one does.
func (e *Error) Unwrap() error { return e.is }

// errUnconditional is the answer of a store that takes no conditional writes.
var errUnconditional = fmt.Errorf("no conditional writes: %w", bucket.ErrRefused)

// errTooLarge is the answer to a request about more than the store takes at a time.
var errTooLarge = fmt.Errorf("too large for one request: %w", bucket.ErrRefused)

// Words are what hints say of whoever uses a store. Their zero value is for publishing.
type Words struct {
	Again    string // what one does again when things are put right, "build"
	Endpoint string // where another service than Amazon's is named, "AWS_ENDPOINT_URL"
}

// An operation is a request as errors speak of it.
type operation struct {
	verb   string // "put"
	action string // what one must be allowed to do: "s3:PutObject"
	key    string // "" for the bucket itself
}

// A verdict is what an error code means. In its texts, words in braces stand for parts of the request.
type verdict struct {
	text string
	hint string
	is   error
}

var (
	missing      = verdict{"there is no such object", "", bucket.ErrNotFound}
	precondition = verdict{"it is not what it was", "", bucket.ErrPrecondition}
	slowDown     = verdict{"too many requests at a time", "wait a few minutes, then {again} again: it goes on where it stopped", bucket.ErrSlowDown}
	denied       = verdict{"access denied{why}", "allow {action} on {resource} (docs/aws.md has the whole policy), or use another profile: publish.profile in site.yaml", bucket.ErrRefused}
	noBucket     = verdict{"the bucket does not exist", `{make}, or check the bucket's name and {endpoint}`, bucket.ErrRefused}
	unknownKey   = verdict{"the access key is not known there", "check the key, the profile and {endpoint}: they belong together", bucket.ErrRefused}
	wrongSecret  = verdict{"the secret key does not belong to the access key", "check both for missing or extra characters", bucket.ErrRefused}
	expired      = verdict{"the session has expired", "sign in again (\"aws sso login{profile}\", or new keys), then {again} again: it goes on where it stopped", bucket.ErrRefused}
	elsewhere    = verdict{"the bucket is in {home}, and not in {region}", "set publish.region in site.yaml to the bucket's region", bucket.ErrRefused}
	skewed       = verdict{"this machine's clock and the store's are more than a quarter of an hour apart", "set the clock (or let the system do it by NTP), then {again} again", nil}
	full         = verdict{"the store is full, or the account's quota used up", "free some space or raise the quota, then {again} again: it goes on where it stopped", bucket.ErrRefused}
	tooLarge     = verdict{"it is larger than the store allows", "", errTooLarge}
	garbled      = verdict{"what arrived is not what was sent; either the file is changing, or something on the way changes it", "", nil}
	unsupported  = verdict{"the store does not know this kind of request", "", errUnconditional}
)

// verdicts by the codes of S3's errors: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. Codes that
// tell of a hiccup are not listed: every code that has no verdict is one, where its status is 5xx.
var verdicts = map[string]verdict{
	"NoSuchKey": missing, "NoSuchVersion": missing, "NoSuchUpload": missing, "NotFound": missing,
	"PreconditionFailed": precondition,
	"SlowDown":           slowDown, "ServiceUnavailable": slowDown, "RequestLimitExceeded": slowDown, "BandwidthLimitExceeded": slowDown,
	"Throttling": slowDown, "ThrottlingException": slowDown, "ThrottledException": slowDown, "TooManyRequests": slowDown,
	"AccessDenied": denied, "AccessDeniedException": denied, "AllAccessDisabled": denied, "Forbidden": denied,
	"NoSuchBucket":       noBucket,
	"InvalidAccessKeyId": unknownKey, "InvalidClientTokenId": unknownKey, "UnrecognizedClientException": unknownKey,
	"SignatureDoesNotMatch": wrongSecret,
	"ExpiredToken":          expired, "ExpiredTokenException": expired, "TokenRefreshRequired": expired, "InvalidToken": expired, "RequestExpired": expired,
	"PermanentRedirect": elsewhere, "TemporaryRedirect": elsewhere, "AuthorizationHeaderMalformed": elsewhere, "IllegalLocationConstraintException": elsewhere,
	"RequestTimeTooSkewed": skewed,
	"QuotaExceeded":        full, "StorageFull": full, "XMinioStorageFull": full, "InsufficientStorage": full, "AccountProblem": full,
	"EntityTooLarge": tooLarge,
	"BadDigest":      garbled, "XAmzContentSHA256Mismatch": garbled, "InvalidDigest": garbled,
	"NotImplemented": unsupported,
	// These have statuses of requests that are wrong, and are hiccups all the same.
	"RequestTimeout": {text: "the connection was too slow"}, "IncompleteBody": {text: "the connection broke"},
	"ConditionalRequestConflict": {text: "somebody else was writing it"}, "OperationAborted": {text: "somebody else was writing it"},
}

// explain says in our words what went wrong with a request.
func (s *Store) explain(ctx context.Context, o operation, err error) error {
	var login *account.Error
	var renewal *credentialsError
	var response *smithyhttp.ResponseError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", s.doing(o), ctx.Err())
	case errors.As(err, &login):
		return s.problem(o, verdict{login.Text, login.Hint, bucket.ErrRefused}, answer{})
	case errors.As(err, &renewal):
		return s.problem(o, expired, answer{})
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300:
		return s.refusal(o, answerOf(response, err))
	case response != nil && response.HTTPStatusCode() > 0:
		return s.problem(o, verdict{text: "the store's answer cannot be read"}, answer{})
	}
	return s.networkProblem(o, err)
}

// An answer is what a store says when it says no.
type answer struct {
	code    string
	message string
	status  int    // 0 where it is about one object of several
	home    string // the bucket's region; "" where the answer does not name it
}

// wanted is how S3 says that a request was signed for another region than the bucket's.
var wanted = regexp.MustCompile(`expecting '([a-z0-9-]+)'`)

func answerOf(response *smithyhttp.ResponseError, err error) answer {
	a := answer{status: response.HTTPStatusCode(), home: response.Response.Header.Get("X-Amz-Bucket-Region")}
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		a.code, a.message = said.ErrorCode(), said.ErrorMessage()
	}
	if found := wanted.FindStringSubmatch(a.message); found != nil {
		a.home = found[1]
	}
	return a
}

func (s *Store) refusal(o operation, a answer) error {
	v, ok := verdicts[a.code]
	switch {
	case strings.Contains(a.message, "larger than the maximum allowable size for a copy source"): // its code is InvalidRequest, as that of much else
		v = tooLarge
	case !ok:
		v = byStatus(a.status)
	}
	if o.key == "" && errors.Is(v.is, bucket.ErrNotFound) { // some other kind of server, which has no page at that address
		v = noBucket
	}
	if v.text == "" {
		v.text = strings.TrimSpace("the store answers " + strings.Join(strings.Fields(fmt.Sprint(a.status, " ", a.code, " ", a.message)), " "))
	}
	return s.problem(o, v, a)
}

// byStatus judges answers whose code is not among the verdicts.
func byStatus(status int) verdict {
	switch status {
	case http.StatusNotFound:
		return missing
	case http.StatusPreconditionFailed:
		return precondition
	case http.StatusForbidden, http.StatusUnauthorized:
		return denied
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect:
		return elsewhere
	case http.StatusRequestTimeout, http.StatusTooEarly: // from a proxy on the way
		return verdicts["RequestTimeout"]
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return slowDown
	case http.StatusNotImplemented:
		return unsupported
	case http.StatusInsufficientStorage:
		return full
	}
	if status >= 400 && status < 500 {
		return verdict{is: bucket.ErrRefused}
	}
	return verdict{}
}

// networkProblem is about requests that got no answer.
func (s *Store) networkProblem(o operation, err error) error {
	var file *fs.PathError
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	var request *url.Error
	v := verdict{text: "no answer", hint: "check the network, and {endpoint} where one is set"}
	switch {
	case errors.As(err, &file):
		v = verdict{file.Error(), `run "matinee build", then {again} again`, bucket.ErrRefused}
	case errors.As(err, &certificate):
		v = verdict{certificate.Error(), "check {endpoint}; AWS_CA_BUNDLE names certificates of one's own", bucket.ErrRefused}
	case errors.As(err, &name):
		v.text = "no such host: " + name.Name
	case errors.As(err, &request):
		v.text = request.Err.Error()
	}
	return s.problem(o, v, answer{})
}

// problem fills in a verdict's texts.
func (s *Store) problem(o operation, v verdict, a answer) error {
	resource, maker := "arn:aws:s3:::"+s.Bucket, `run "matinee provision" to make it`
	if s.Endpoint != "" {
		resource, maker = s.Bucket, "make it there"
	}
	if o.key != "" {
		resource += "/" + o.key
	}
	profile := ""
	if s.Profile != "" {
		profile = " --profile " + s.Profile
	}
	why := ""
	if _, reason, ok := strings.Cut(a.message, " because "); ok {
		why = ", because " + reason
	}
	fill := strings.NewReplacer("{action}", o.action, "{resource}", resource, "{make}", maker, "{profile}", profile, "{why}", why,
		"{home}", cmp.Or(a.home, "another region"), "{region}", cmp.Or(s.Region, "us-east-1"),
		"{again}", cmp.Or(s.Words.Again, "publish"), "{endpoint}", cmp.Or(s.Words.Endpoint, "publish.endpoint in site.yaml"))
	return &Error{Text: s.doing(o) + ": " + fill.Replace(v.text), Hint: fill.Replace(v.hint), is: v.is}
}

// doing says what a request is for: "put a.html in films".
func (s *Store) doing(o operation) string {
	if o.key == "" {
		return o.verb + " " + s.Bucket
	}
	return o.verb + " " + o.key + " in " + s.Bucket
}
