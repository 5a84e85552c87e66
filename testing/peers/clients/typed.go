package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

func prepare(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if errors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func typedJSON(ctx context.Context, config *rest.Config) error {
	config.ContentType = "application/json"
	return typed(ctx, config, "json")
}

func typedProtobuf(ctx context.Context, config *rest.Config) error {
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return typed(ctx, config, "protobuf")
}

func deployment(name string) *appsv1.Deployment {
	none, one := int32(0), int32(1)
	labels := map[string]string{"app": name}
	surge := intstr.FromString("50%")
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas:             &none,
			RevisionHistoryLimit: &one,
			Selector:             &metav1.LabelSelector{MatchLabels: labels},
			Strategy:             appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: &surge}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "none", Env: []corev1.EnvVar{{Name: "EMPTY", Value: ""}}}}},
			},
		},
	}
}

func typed(ctx context.Context, config *rest.Config, name string) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	deployments := client.AppsV1().Deployments(namespace)
	made, err := deployments.Create(ctx, deployment(name), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if *made.Spec.Replicas != 0 || made.Spec.Strategy.RollingUpdate.MaxSurge.StrVal != "50%" || made.Generation != 1 {
		return fmt.Errorf("created another deployment: %v", made.Spec)
	}
	if _, err = deployments.Create(ctx, deployment(name), metav1.CreateOptions{}); !errors.IsAlreadyExists(err) {
		return fmt.Errorf("a second create: %v", err)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		found, err := deployments.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		found.Spec.Template.Spec.Containers[0].Image = "other"
		_, err = deployments.Update(ctx, found, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if _, err = deployments.Update(ctx, made, metav1.UpdateOptions{}); !errors.IsConflict(err) {
		return fmt.Errorf("an update of an old object: %v", err)
	}
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"B","value":"2"}]}]}}}}`)
	patched, err := deployments.Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	if n := len(patched.Spec.Template.Spec.Containers[0].Env); n != 2 {
		return fmt.Errorf("the patch left %d variables", n)
	}
	scale, err := deployments.GetScale(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	if scale.Status.Selector != "app="+name {
		return fmt.Errorf("scale's selector is %q", scale.Status.Selector)
	}
	bad := deployment("bad")
	bad.Spec.Selector.MatchLabels = map[string]string{"app": "x"}
	if _, err = deployments.Create(ctx, bad, metav1.CreateOptions{}); !errors.IsInvalid(err) {
		return fmt.Errorf("a wrong deployment: %v", err)
	}
	uid := types.UID("other")
	if err = deployments.Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}); !errors.IsConflict(err) {
		return fmt.Errorf("a delete of another uid: %v", err)
	}
	if err = deployments.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if _, err = deployments.Get(ctx, name, metav1.GetOptions{}); err != nil && !errors.IsNotFound(err) {
		return fmt.Errorf("get after delete: %v", err)
	}
	return nil
}

func pages(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	for i := range 25 {
		odd := fmt.Sprint(i % 2)
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "page-", Labels: map[string]string{"page": "yes", "odd": odd}}, BinaryData: map[string][]byte{"b": {0, 255}}}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	count := 0
	p := pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) { return maps.List(ctx, options) }))
	p.PageSize = 10
	err = p.EachListItem(ctx, metav1.ListOptions{LabelSelector: "page"}, func(runtime.Object) error { count++; return nil })
	if err != nil || count != 25 {
		return fmt.Errorf("pages gave %d objects: %v", count, err)
	}
	odd, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "page,odd in (1),never notin (x)"})
	if err != nil || len(odd.Items) != 12 {
		return fmt.Errorf("a selector gave %d: %v", len(odd.Items), err)
	}
	return maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "page"})
}
