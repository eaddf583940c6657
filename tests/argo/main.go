// Checks manifests as Argo's own server does when somebody creates them.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/workflow/validate"
	"sigs.k8s.io/yaml"
)

type templates map[string]*wfv1.WorkflowTemplate

func (found templates) Get(_ context.Context, name string) (*wfv1.WorkflowTemplate, error) {
	if template, ok := found[name]; ok {
		return template, nil
	}
	return nil, fmt.Errorf("there is no WorkflowTemplate %q", name)
}

type clusterTemplates struct{}

func (clusterTemplates) Get(_ context.Context, name string) (*wfv1.ClusterWorkflowTemplate, error) {
	return nil, fmt.Errorf("there is no ClusterWorkflowTemplate %q", name)
}

func run(files []string) error {
	ctx := logging.InitLoggerInContext()
	found := templates{}
	var crons []*wfv1.CronWorkflow
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, document := range bytes.Split(data, []byte("\n---\n")) {
			var kind struct{ Kind string }
			if err := yaml.Unmarshal(document, &kind); err != nil {
				return err
			}
			switch kind.Kind {
			case "WorkflowTemplate":
				template := &wfv1.WorkflowTemplate{}
				if err := yaml.UnmarshalStrict(document, template); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				found[template.Name] = template
			case "CronWorkflow":
				cron := &wfv1.CronWorkflow{}
				if err := yaml.UnmarshalStrict(document, cron); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				crons = append(crons, cron)
			}
		}
	}
	for name, template := range found {
		err := validate.ValidateWorkflowTemplate(ctx, found, clusterTemplates{}, template, nil, validate.ValidateOpts{Lint: true})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, cron := range crons {
		if err := validate.ValidateCronWorkflow(ctx, found, clusterTemplates{}, cron, nil); err != nil {
			return fmt.Errorf("%s: %w", cron.Name, err)
		}
	}
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
