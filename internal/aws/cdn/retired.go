package cdn

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"

	"matinee/internal/aws/account"
)

// An RTMP is a distribution of the kind that streamed to Flash players. AWS ended them on 31 December 2020: they answer
// nobody, and are left in old accounts as entries of a list. What replaces one is an ordinary distribution.
type RTMP struct {
	ID      string
	Domain  string   // "s1a2b3c4d5e6f7.cloudfront.net"
	Aliases []string // host names that led there
}

// Retired lists the RTMP distributions that an account still has.
func Retired(ctx context.Context, a account.Account) ([]RTMP, error) {
	cfg, err := a.Open(ctx)
	if err != nil {
		return nil, err
	}
	client := cloudfront.NewFromConfig(cfg)
	var found []RTMP
	in := &cloudfront.ListStreamingDistributionsInput{}
	for more := true; more; {
		out, err := client.ListStreamingDistributions(ctx, in)
		if err != nil {
			return nil, account.Explain("list RTMP distributions", err)
		}
		list := out.StreamingDistributionList
		if list == nil {
			break
		}
		for _, d := range list.Items {
			old := RTMP{ID: aws.ToString(d.Id), Domain: aws.ToString(d.DomainName)}
			if d.Aliases != nil {
				old.Aliases = d.Aliases.Items
			}
			found = append(found, old)
		}
		in.Marker, more = list.NextMarker, aws.ToBool(list.IsTruncated) && list.NextMarker != nil
	}
	return found, nil
}
