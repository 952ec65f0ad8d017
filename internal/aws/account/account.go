// Package account is the way into an AWS account for what sets a site up there and keeps its distributions fresh:
// which credentials are used, and what AWS's refusals mean to somebody who wants to publish a site.
//
// Credentials are found by the SDK's usual chain (environment, profile, single sign-on, the role of the machine), and
// the SDK's own settings hold, AWS_ENDPOINT_URL among them. No message made here contains a key, a token or a
// signature: what AWS says is passed on only where it is known to hold none.
package account

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// An Account says whose resources are used, and where.
type Account struct {
	Region  string // "us-east-1"
	Profile string // of the AWS configuration files; "" for the usual chain of credentials
}

// An Operation is a method of one of the SDK's clients, such as [cloudfront.Client.CreateInvalidation]. What is kept are the
// few methods that are called, and not the client: the linker keeps all methods of whatever reflection might come upon, and
// those of three clients, with everything they say and understand, are ten megabytes.
type Operation[In, Out, Options any] func(context.Context, *In, ...func(*Options)) (*Out, error)

// Open finds the credentials. Whether they are any good is seen at the first request.
func (a Account) Open(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(a.Region), config.WithSharedConfigProfile(a.Profile), config.WithAppID("matinee"))
	if err == nil {
		_, err = cfg.Credentials.Retrieve(ctx)
	}
	if err != nil {
		return cfg, a.loginError(ctx, err)
	}
	return cfg, nil
}
