package awstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Converter is a MediaConvert. Its zero value completes every job after four looks, and makes nothing.
type Converter struct {
	Jobs    []*ConvertJob
	Role    string               // the role that jobs may work under; "" for any
	Convert func(*ConvertJob)    // makes the outputs of a job when it is complete; it may make it fail instead
	Hold    bool                 // jobs come no further
	Quick   bool                 // jobs are complete when they are first looked at
	Busy    int                  // so many requests are asked to come back later
	Before  func(request string) // is told of every request: "GetJob"
}

// A ConvertJob is a job. What its settings say is for Convert to read.
type ConvertJob struct {
	ID, Token, Role, Queue string
	Status                 string
	Percent                int
	ErrorCode              int
	ErrorMessage           string
	Metadata               map[string]string
	Settings               ConvertSettings
}

// ConvertSettings are the settings of a job as far as it matters here where everything comes from and goes to.
type ConvertSettings struct {
	Inputs []struct {
		FileInput      string
		AudioSelectors map[string]any
	}
	OutputGroups []struct {
		CustomName          string
		OutputGroupSettings struct {
			CmafGroupSettings, FileGroupSettings *struct{ Destination string }
		}
		Outputs []struct{ NameModifier, Extension string }
	}
}

// Destinations are those of the job's output groups, in their order.
func (j *ConvertJob) Destinations() []string {
	var all []string
	for _, g := range j.Settings.OutputGroups {
		for _, s := range []*struct{ Destination string }{g.OutputGroupSettings.CmafGroupSettings, g.OutputGroupSettings.FileGroupSettings} {
			if s != nil {
				all = append(all, s.Destination)
			}
		}
	}
	return all
}

// look lets time pass: with every look at a job, it comes further.
func (v *Converter) look(j *ConvertJob) {
	if v.Hold {
		return
	}
	if v.Quick && j.Status != "COMPLETE" && j.Status != "ERROR" {
		j.Status, j.Percent = "PROGRESSING", 80
	}
	switch {
	case j.Status == "SUBMITTED":
		j.Status = "PROGRESSING"
	case j.Status == "PROGRESSING" && j.Percent < 80:
		j.Percent += 40
	case j.Status == "PROGRESSING":
		j.Status, j.Percent = "COMPLETE", 100
		if v.Convert != nil {
			v.Convert(j)
		}
		if j.ErrorCode != 0 {
			j.Status, j.Percent = "ERROR", 80
		}
	}
}

func (j *ConvertJob) answer() map[string]any {
	a := map[string]any{
		"id": j.ID, "arn": "arn:aws:mediaconvert:us-east-1:123456789012:jobs/" + j.ID, "role": j.Role, "queue": j.Queue, "status": j.Status,
		"clientRequestToken": j.Token, "userMetadata": j.Metadata, "createdAt": 1795392000, "settings": map[string]any{},
	}
	if j.Status == "PROGRESSING" {
		a["jobPercentComplete"], a["currentPhase"] = j.Percent, "TRANSCODING"
	}
	if j.Status == "ERROR" {
		a["errorCode"], a["errorMessage"] = j.ErrorCode, j.ErrorMessage
	}
	return a
}

// serveMediaConvert answers as https://docs.aws.amazon.com/mediaconvert/latest/apireference/ has it.
func (c *Cloud) serveMediaConvert(w http.ResponseWriter, r *http.Request, body []byte) {
	v := &c.Converter
	id, isJob := strings.CutPrefix(r.URL.Path, "/2017-08-29/jobs/")
	request := map[bool]string{true: "CreateJob"}[r.Method == http.MethodPost && r.URL.Path == "/2017-08-29/jobs"]
	switch {
	case isJob && r.Method == http.MethodGet:
		request = "GetJob"
	case r.URL.Path == "/2017-08-29/search" && r.Method == http.MethodGet:
		request = "SearchJobs"
	}
	if v.Before != nil {
		v.Before(request)
	}
	if v.Busy > 0 {
		v.Busy--
		refuseJSON(w, Refusal{Code: "TooManyRequestsException", Message: "Too Many Requests", Status: http.StatusTooManyRequests})
		return
	}
	if e, ok := c.Refuse[request]; ok {
		refuseJSON(w, e)
		return
	}
	switch request {
	case "CreateJob":
		v.create(c, w, body)
	case "GetJob":
		i := slices.IndexFunc(v.Jobs, func(j *ConvertJob) bool { return j.ID == id })
		if i < 0 {
			refuseJSON(w, Refusal{Code: "NotFoundException", Message: "Job " + id + " not found", Status: http.StatusNotFound})
			return
		}
		v.look(v.Jobs[i])
		answerJSON(w, http.StatusOK, map[string]any{"job": v.Jobs[i].answer()})
	case "SearchJobs":
		v.search(w, r)
	default:
		c.Report("unexpected request %s %s", r.Method, r.URL)
	}
}

// create makes a job, or returns the one of the same token.
func (v *Converter) create(c *Cloud, w http.ResponseWriter, body []byte) {
	var in struct {
		Role, Queue, ClientRequestToken string
		UserMetadata                    map[string]string
		Settings                        ConvertSettings
	}
	if err := json.Unmarshal(body, &in); err != nil {
		c.Report("CreateJob: %v", err)
	}
	if len(in.ClientRequestToken) == 0 || len(in.ClientRequestToken) > 64 {
		c.Report("CreateJob with a token of %d characters", len(in.ClientRequestToken))
	}
	if v.Role != "" && in.Role != v.Role {
		refuseJSON(w, Refusal{Code: "BadRequestException", Message: "/role: The role " + in.Role + " cannot be assumed by the service", Status: http.StatusBadRequest})
		return
	}
	i := slices.IndexFunc(v.Jobs, func(j *ConvertJob) bool { return j.Token == in.ClientRequestToken })
	if i < 0 {
		i = len(v.Jobs)
		v.Jobs = append(v.Jobs, &ConvertJob{
			ID: fmt.Sprintf("1795392000%03d-abc123", i), Token: in.ClientRequestToken, Role: in.Role, Queue: in.Queue, Status: "SUBMITTED",
			Metadata: in.UserMetadata, Settings: in.Settings,
		})
	}
	answerJSON(w, http.StatusCreated, map[string]any{"job": v.Jobs[i].answer()})
}

// search lists jobs, the latest first and one on a page.
func (v *Converter) search(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	skip := len(query.Get("nextToken"))
	answer := map[string]any{"jobs": []any{}}
	for _, j := range slices.Backward(v.Jobs) {
		if len(j.Settings.Inputs) == 0 || !strings.Contains(j.Settings.Inputs[0].FileInput, query.Get("inputFile")) {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if skip == -1 {
			answer["jobs"] = []any{j.answer()}
			continue
		}
		answer["nextToken"] = query.Get("nextToken") + "n"
		break
	}
	answerJSON(w, http.StatusOK, answer)
}

func answerJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func refuseJSON(w http.ResponseWriter, e Refusal) {
	w.Header().Set("X-Amzn-Errortype", e.Code)
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	answerJSON(w, e.Status, map[string]string{"message": e.Message})
}
