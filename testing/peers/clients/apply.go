package main

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func serverSideApply(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	deployments := client.AppsV1().Deployments(namespace)
	container := coreapply.Container().WithName("main").WithImage("none").WithPorts(coreapply.ContainerPort().WithContainerPort(80))
	wanted := appsapply.Deployment("applied", namespace).WithSpec(appsapply.DeploymentSpec().WithReplicas(0).
		WithSelector(metaapply.LabelSelector().WithMatchLabels(map[string]string{"app": "applied"})).
		WithTemplate(coreapply.PodTemplateSpec().WithLabels(map[string]string{"app": "applied"}).WithSpec(coreapply.PodSpec().WithContainers(container))))
	made, err := deployments.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	again, err := deployments.Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: "one"})
	if err != nil || again.Generation != made.Generation {
		return fmt.Errorf("applying the same changed it: %v", err)
	}
	other := appsapply.Deployment("applied", namespace).WithSpec(appsapply.DeploymentSpec().WithReplicas(1))
	if _, err = deployments.Apply(ctx, other, metav1.ApplyOptions{FieldManager: "two"}); !errors.IsConflict(err) {
		return fmt.Errorf("another manager's apply: %v", err)
	}
	if _, err = deployments.Apply(ctx, other, metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil {
		return fmt.Errorf("forced apply: %w", err)
	}
	found, err := deployments.Get(ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	own, err := appsapply.ExtractDeployment(found, "one")
	if err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	if own.Spec == nil || own.Spec.Replicas != nil || len(own.Spec.Template.Spec.Containers) != 1 || *own.Spec.Template.Spec.Containers[0].Image != "none" {
		return fmt.Errorf("extracted what the manager does not own: %v", own.Spec)
	}
	// What its owner no longer applies goes.
	container.Ports = nil
	own.Spec.Template.Spec.Containers[0].Ports = nil
	changed, err := deployments.Apply(ctx, own, metav1.ApplyOptions{FieldManager: "one"})
	if err != nil || len(changed.Spec.Template.Spec.Containers[0].Ports) != 0 {
		return fmt.Errorf("the port stays: %v", err)
	}
	return deployments.Delete(ctx, "applied", metav1.DeleteOptions{})
}

func leaderElection(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	elected := make(chan string, 2)
	candidate := func(ctx context.Context, name string) {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Name: "leader", Namespace: namespace},
				Client:     client.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: name},
			},
			LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { elected <- name }, OnStoppedLeading: func() {}},
		})
	}
	wait := func(want string) error {
		select {
		case got := <-elected:
			if got != want {
				return fmt.Errorf("%s leads instead of %s", got, want)
			}
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s never leads", want)
		}
	}
	first, release := context.WithCancel(ctx)
	defer release()
	go candidate(first, "first")
	if err = wait("first"); err != nil {
		return err
	}
	go candidate(ctx, "second")
	release()
	return wait("second")
}

func reviews(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}
	if _, err = client.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return err
	}
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, "robot", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	review, err := client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}, metav1.CreateOptions{})
	if err != nil || !review.Status.Authenticated || review.Status.User.Username != "system:serviceaccount:"+namespace+":robot" {
		return fmt.Errorf("token review: %v %v", review, err)
	}
	robot := rest.AnonymousClientConfig(config)
	robot.BearerToken = token.Status.Token
	limited, err := kubernetes.NewForConfig(robot)
	if err != nil {
		return err
	}
	if _, err = limited.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{}); !errors.IsForbidden(err) {
		return fmt.Errorf("the account lists secrets: %v", err)
	}
	access := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets", Namespace: namespace}}}
	answer, err := limited.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, access, metav1.CreateOptions{})
	if err != nil || answer.Status.Allowed {
		return fmt.Errorf("access review: %v %v", answer, err)
	}
	return nil
}

func discoveryAndMapping(ctx context.Context, config *rest.Config) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	groups, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	if len(groups) < 15 || len(lists) < 15 {
		return fmt.Errorf("only %d groups", len(groups))
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	if err != nil || mapping.Resource.Resource != "deployments" || mapping.Resource.Version != "v1" {
		return fmt.Errorf("mapping: %v %v", mapping, err)
	}
	if _, err = client.OpenAPISchema(); err != nil {
		return fmt.Errorf("openapi v2: %w", err)
	}
	paths, err := client.OpenAPIV3().Paths()
	if err != nil {
		return fmt.Errorf("openapi v3: %w", err)
	}
	if _, err = paths["apis/apps/v1"].Schema("application/json"); err != nil {
		return fmt.Errorf("openapi v3 of apps/v1: %w", err)
	}
	return nil
}
