// Command podsecurity reads a YAML stream of Kubernetes objects on stdin and evaluates every pod
// template in it with the evaluator of the API server's own admission plugin, at level "restricted".
// It prints one line for each violation and exits 1 if there was any.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func main() {
	violations, templates, err := evaluate(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "podsecurity:", err)
		os.Exit(2)
	}
	fmt.Printf("%d pod templates, %d violations\n", templates, violations)
	if violations > 0 {
		os.Exit(1)
	}
}

func evaluate(in io.Reader, out io.Writer) (violations, templates int, err error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return 0, 0, err
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	stream := yamlstream.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := stream.Read()
		if errors.Is(err, io.EOF) {
			return violations, templates, nil
		}
		if err != nil {
			return 0, 0, err
		}
		name, template, err := podTemplate(document)
		if err != nil {
			return 0, 0, err
		}
		if template == nil {
			continue
		}
		templates++
		for _, result := range evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				violations++
				fmt.Fprintf(out, "%s: %s: %s\n", name, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	}
}

// podTemplate returns the pod template of a Job or a CronJob, and nil for an object that makes no pod.
// A kind that would make pods and is not known here is an error, never a pass.
func podTemplate(document []byte) (string, *corev1.PodTemplateSpec, error) {
	var object struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Spec              struct {
			Template    any `json:"template"`
			JobTemplate any `json:"jobTemplate"`
			Containers  any `json:"containers"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(document, &object); err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("%s %s/%s", object.Kind, object.Namespace, object.Name)
	switch object.APIVersion + " " + object.Kind {
	case "batch/v1 Job":
		var job batchv1.Job
		err := yaml.UnmarshalStrict(document, &job)
		return name, &job.Spec.Template, err
	case "batch/v1 CronJob":
		var cron batchv1.CronJob
		err := yaml.UnmarshalStrict(document, &cron)
		return name, &cron.Spec.JobTemplate.Spec.Template, err
	}
	if object.Spec.Template != nil || object.Spec.JobTemplate != nil || object.Spec.Containers != nil {
		return "", nil, fmt.Errorf("%s makes pods in a way that is not known here", name)
	}
	return name, nil, nil
}
