package mediaconvert

import (
	"cmp"
	"fmt"
	"math"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/mediaconvert/types"

	"matinee/internal/mp4"
)

// What is asked for. Bit rates are in bit/s.
const (
	lowest, highest = 300_000, 6_000_000 // of the ladder
	mostSizes       = 6
	segment         = 6 // seconds
	keyframes       = 2 // seconds
	audioRate       = 128_000
	sampleRate      = 48_000
	box             = 1280 // pixels: no picture of the MP4 and no still is wider or taller
)

const audioGroup = "audio"

// settings is the job: one input, and three groups of outputs.
func (t *task) settings() *types.JobSettings {
	return &types.JobSettings{
		Inputs: []types.Input{t.input()},
		OutputGroups: []types.OutputGroup{
			t.cmaf(),
			fileGroup("MP4", t.url(t.folder()+"film"), t.mp4()),
			fileGroup("stills", t.url(fmt.Sprintf("%severy-%d", t.stills(), t.stillInterval())), t.captures()),
		},
		TimecodeConfig: &types.TimecodeConfig{Source: types.TimecodeSourceZerobased},
	}
}

// tracks are the sound tracks of the source. What is in files that are no MP4 is not known: they get one, which is silent
// when they have none.
func (t *task) tracks() []*mp4.Track {
	if t.job.Source.Movie == nil {
		return []*mp4.Track{{}}
	}
	var tracks []*mp4.Track
	for _, track := range t.job.Source.Movie.Tracks {
		if track.Kind == mp4.Audio {
			tracks = append(tracks, track)
		}
	}
	return tracks
}

func selector(i int) string { return fmt.Sprintf("Audio Selector %d", i+1) }

func (t *task) input() types.Input {
	in := types.Input{
		FileInput:      aws.String(t.url(t.inbox())),
		TimecodeSource: types.InputTimecodeSourceZerobased,
		VideoSelector: &types.VideoSelector{
			Rotate:        types.InputRotateAuto, // MediaConvert's own default is to leave films of telephones lying on their side
			ColorSpace:    types.ColorSpaceFollow,
			AlphaBehavior: types.AlphaBehaviorDiscard,
		},
	}
	for i := range t.tracks() {
		if in.AudioSelectors == nil {
			in.AudioSelectors = map[string]types.AudioSelector{}
		}
		s := types.AudioSelector{DefaultSelection: types.AudioDefaultSelectionNotDefault}
		if i == 0 {
			s.DefaultSelection = types.AudioDefaultSelectionDefault
		}
		if t.job.Source.Movie != nil {
			s.SelectorType, s.Tracks = types.AudioSelectorTypeTrack, []int32{int32(i + 1)} //nolint:gosec // a file has few tracks
		}
		in.AudioSelectors[selector(i)] = s
	}
	return in
}

// cmaf is the ladder. MediaConvert chooses its sizes and rates; every size is one file, and so is every language.
func (t *task) cmaf() types.OutputGroup {
	group := types.OutputGroup{
		Name:       aws.String("CMAF"),
		CustomName: aws.String("stream"),
		AutomatedEncodingSettings: &types.AutomatedEncodingSettings{AbrSettings: &types.AutomatedAbrSettings{
			MinAbrBitrate: aws.Int32(lowest), MaxAbrBitrate: aws.Int32(highest), MaxRenditions: aws.Int32(mostSizes),
		}},
		OutputGroupSettings: &types.OutputGroupSettings{
			Type: types.OutputGroupTypeCmafGroupSettings,
			CmafGroupSettings: &types.CmafGroupSettings{
				Destination:            aws.String(t.url(t.folder() + "master")),
				SegmentControl:         types.CmafSegmentControlSingleFile,
				SegmentLength:          aws.Int32(segment),
				FragmentLength:         aws.Int32(keyframes),
				WriteHlsManifest:       types.CmafWriteHLSManifestEnabled,
				WriteDashManifest:      types.CmafWriteDASHManifestDisabled,
				CodecSpecification:     types.CmafCodecSpecificationRfc6381,
				StreamInfResolution:    types.CmafStreamInfResolutionInclude,
				ManifestCompression:    types.CmafManifestCompressionNone,
				ManifestDurationFormat: types.CmafManifestDurationFormatFloatingPoint,
			},
		},
	}
	picture := types.Output{
		NameModifier: aws.String("-video"),
		ContainerSettings: &types.ContainerSettings{
			Container: types.ContainerTypeCmfc, CmfcSettings: &types.CmfcSettings{IFrameOnlyManifest: types.CmfcIFrameOnlyManifestExclude},
		},
		VideoDescription: description(types.VideoCodecSettings{
			Codec:        types.VideoCodecH264,
			H264Settings: h264(types.H264Settings{QualityTuningLevel: types.H264QualityTuningLevelMultiPassHq}),
		}),
	}
	tracks := t.tracks()
	if len(tracks) > 0 {
		picture.ContainerSettings.CmfcSettings.AudioRenditionSets = aws.String(audioGroup)
	}
	group.Outputs = []types.Output{picture}
	for i, track := range tracks {
		group.Outputs = append(group.Outputs, t.sound(i, track))
	}
	return group
}

// sound is one language of the ladder.
func (t *task) sound(i int, track *mp4.Track) types.Output {
	settings := &types.CmfcSettings{AudioGroupId: aws.String(audioGroup), AudioTrackType: types.CmfcAudioTrackTypeAlternateAudioAutoSelect}
	if i == 0 {
		settings.AudioTrackType = types.CmfcAudioTrackTypeAlternateAudioAutoSelectDefault
	}
	return types.Output{
		NameModifier:      aws.String(fmt.Sprintf("-audio-%d", i+1)),
		ContainerSettings: &types.ContainerSettings{Container: types.ContainerTypeCmfc, CmfcSettings: settings},
		AudioDescriptions: []types.AudioDescription{t.aac(i, track)},
	}
}

// threeLetters and its kin are the languages that MediaConvert takes.
var languageCode = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9-]+)?$`)

func (t *task) aac(i int, track *mp4.Track) types.AudioDescription {
	d := types.AudioDescription{
		AudioSourceName:     aws.String(selector(i)),
		LanguageCodeControl: types.AudioLanguageCodeControlFollowInput,
		CodecSettings: &types.AudioCodecSettings{
			Codec: types.AudioCodecAac,
			AacSettings: &types.AacSettings{
				Bitrate: aws.Int32(audioRate), SampleRate: aws.Int32(sampleRate), CodingMode: types.AacCodingModeCodingMode20,
				CodecProfile: types.AacCodecProfileLc, RateControlMode: types.AacRateControlModeCbr,
			},
		},
	}
	if languageCode.MatchString(track.Language) {
		d.LanguageCodeControl, d.CustomLanguageCode = types.AudioLanguageCodeControlUseConfigured, &track.Language
	}
	if t.job.Loudness != 0 {
		d.AudioNormalizationSettings = &types.AudioNormalizationSettings{
			Algorithm:        types.AudioNormalizationAlgorithmItuBs17704, // what EBU R 128 measures by
			AlgorithmControl: types.AudioNormalizationAlgorithmControlCorrectAudio,
			LoudnessLogging:  types.AudioNormalizationLoudnessLoggingDontLog,
			PeakCalculation:  types.AudioNormalizationPeakCalculationTruePeak,
			TargetLkfs:       &t.job.Loudness,
		}
	}
	return d
}

// mp4 is the film in one file.
func (t *task) mp4() types.Output {
	o := types.Output{
		Extension: aws.String("mp4"),
		ContainerSettings: &types.ContainerSettings{
			Container: types.ContainerTypeMp4, Mp4Settings: &types.Mp4Settings{MoovPlacement: types.Mp4MoovPlacementProgressiveDownload},
		},
		VideoDescription: boxed(description(types.VideoCodecSettings{
			Codec: types.VideoCodecH264,
			H264Settings: h264(types.H264Settings{
				MaxBitrate: aws.Int32(highest), QualityTuningLevel: types.H264QualityTuningLevelSinglePassHq,
			}),
		})),
	}
	if tracks := t.tracks(); len(tracks) > 0 {
		o.AudioDescriptions = []types.AudioDescription{t.aac(0, tracks[0])}
	}
	return o
}

// captures are pictures at regular times.
func (t *task) captures() types.Output {
	return types.Output{
		Extension:         aws.String("jpg"),
		ContainerSettings: &types.ContainerSettings{Container: types.ContainerTypeRaw},
		VideoDescription: boxed(description(types.VideoCodecSettings{
			Codec: types.VideoCodecFrameCapture,
			FrameCaptureSettings: &types.FrameCaptureSettings{
				FramerateNumerator: aws.Int32(1), FramerateDenominator: aws.Int32(t.stillInterval()),
				MaxCaptures: aws.Int32(maxCaptures), Quality: aws.Int32(80),
			},
		})),
	}
}

const (
	mostStills   = 120 // that are read
	maxCaptures  = 1000
	usualSeconds = 10 // between two stills of a film whose length is not known
)

// stillInterval is the time between two stills in seconds.
func (t *task) stillInterval() int32 {
	if t.job.Source.Movie == nil || t.job.Source.Movie.Duration == 0 {
		return usualSeconds
	}
	return max(2, int32(math.Ceil(t.job.Source.Movie.Duration.Seconds()/mostStills)))
}

// description is a picture as browsers show it: not interlaced, and not HDR.
func description(codec types.VideoCodecSettings) *types.VideoDescription {
	return &types.VideoDescription{
		CodecSettings: &codec,
		VideoPreprocessors: &types.VideoPreprocessor{
			ColorCorrector: &types.ColorCorrector{ColorSpaceConversion: types.ColorSpaceConversionForce709},
			Deinterlacer: &types.Deinterlacer{
				Mode: types.DeinterlacerModeDeinterlace, Control: types.DeinterlacerControlNormal, Algorithm: types.DeinterlaceAlgorithmInterpolate,
			},
		},
	}
}

// boxed makes a picture smaller where it is larger than the box, and leaves its shape as it is.
func boxed(d *types.VideoDescription) *types.VideoDescription {
	d.Width, d.Height, d.ScalingBehavior = aws.Int32(box), aws.Int32(box), types.ScalingBehaviorFitNoUpscale
	return d
}

func h264(s types.H264Settings) *types.H264Settings {
	s.CodecProfile = types.H264CodecProfileHigh
	s.RateControlMode = types.H264RateControlModeQvbr
	s.FramerateControl = types.H264FramerateControlInitializeFromSource
	s.ParControl, s.ParNumerator, s.ParDenominator = types.H264ParControlSpecified, aws.Int32(1), aws.Int32(1)
	s.GopSize, s.GopSizeUnits = aws.Float64(keyframes), types.H264GopSizeUnitsSeconds
	s.GopClosedCadence = aws.Int32(1)
	s.SceneChangeDetect = cmp.Or(s.SceneChangeDetect, types.H264SceneChangeDetectTransitionDetection)
	return &s
}

// fileGroup is a group of one output, whose file has the name destination and the output's extension.
func fileGroup(name, destination string, o types.Output) types.OutputGroup {
	return types.OutputGroup{
		Name:       aws.String("File Group"),
		CustomName: &name,
		Outputs:    []types.Output{o},
		OutputGroupSettings: &types.OutputGroupSettings{
			Type:              types.OutputGroupTypeFileGroupSettings,
			FileGroupSettings: &types.FileGroupSettings{Destination: &destination},
		},
	}
}
