package s3

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"matinee/internal/aws/account"
)

// connect returns the client, made at the first request that finds credentials.
func (s *Store) connect(ctx context.Context) (*sdk.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	cfg, err := account.Account{Region: s.Region, Profile: s.Profile}.Open(ctx)
	if err != nil {
		return nil, err
	}
	s.client = sdk.NewFromConfig(cfg, func(o *sdk.Options) {
		o.Region = cmp.Or(cfg.Region, "us-east-1")
		o.Credentials = credentials{cfg.Credentials}
		o.HTTPClient = httpClient()
		o.Retryer = aws.NopRetryer{}
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		if s.Endpoint != "" {
			o.BaseEndpoint = &s.Endpoint
		}
		// Services other than Amazon's are reached by one name, which their certificates and the DNS of a machine under
		// the desk know; a name per bucket is Amazon's habit. The endpoint may have come from the environment as well.
		o.UsePathStyle = o.BaseEndpoint != nil
	})
	return s.client, nil
}

// credentials tells errors of renewing credentials from those of using them.
type credentials struct{ aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return found, &credentialsError{err}
	}
	return found, nil
}

type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// httpClient is a client for many uploads at a time. It speaks HTTP/1.1, a connection for each request under way:
// HTTP/2, which some services offer, would send all of them down a single one, at the speed of a single one.
func httpClient() *awshttp.BuildableClient {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return impatient{conn}, nil
		}
		t.ForceAttemptHTTP2 = false
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
		t.ResponseHeaderTimeout = 2 * time.Minute // large uploads take a while to be put together
		t.WriteBufferSize = 16 << 10              // one system call for most pages; there may be 128 connections
	})
}

// impatient is a connection that breaks when nothing could be sent for a while, as when a laptop changes networks. The
// kernel would try for a quarter of an hour.
type impatient struct{ net.Conn }

func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
