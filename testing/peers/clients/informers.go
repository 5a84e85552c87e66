package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

type counter struct{ added, updated, deleted atomic.Int32 }

func (c *counter) handlers() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.added.Add(1) },
		UpdateFunc: func(any, any) { c.updated.Add(1) },
		DeleteFunc: func(any) { c.deleted.Add(1) },
	}
}

func (c *counter) expect(ctx context.Context, what string, added, updated, deleted int32) error {
	err := until(ctx, what, func() (bool, error) {
		return c.added.Load() >= added && c.updated.Load() >= updated && c.deleted.Load() >= deleted, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %d added, %d updated, %d deleted", err, c.added.Load(), c.updated.Load(), c.deleted.Load())
	}
	return nil
}

func typedInformers(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, time.Hour, informers.WithNamespace(namespace))
	maps := factory.Core().V1().ConfigMaps()
	seen := &counter{}
	if _, err = maps.Informer().AddEventHandler(seen.handlers()); err != nil {
		return err
	}
	// Kinds that every controller of the cluster watches must be there, whether anybody writes them or not.
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(), factory.Core().V1().Nodes().Informer(), factory.Core().V1().ReplicationControllers().Informer(),
		factory.Apps().V1().StatefulSets().Informer(), factory.Apps().V1().ControllerRevisions().Informer(), factory.Batch().V1().CronJobs().Informer(),
		factory.Discovery().V1().EndpointSlices().Informer(), factory.Storage().V1().CSINodes().Informer(), factory.Storage().V1().VolumeAttachments().Informer(),
		factory.Networking().V1().IngressClasses().Informer(), factory.Node().V1().RuntimeClasses().Informer(), factory.Flowcontrol().V1().FlowSchemas().Informer(),
		factory.Policy().V1().PodDisruptionBudgets().Informer(), factory.Rbac().V1().ClusterRoles().Informer(), factory.Autoscaling().V2().HorizontalPodAutoscalers().Informer(),
		factory.Events().V1().Events().Informer(), factory.Certificates().V1().CertificateSigningRequests().Informer(), factory.Coordination().V1().Leases().Informer(),
	} {
		_ = informer
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v never synced", kind)
		}
	}
	before := seen.added.Load()
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "informed"}}
	object, err = client.CoreV1().ConfigMaps(namespace).Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	object.Data = map[string]string{"a": "b"}
	if _, err = client.CoreV1().ConfigMaps(namespace).Update(ctx, object, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err = seen.expect(ctx, "typed events", before+1, 1, 0); err != nil {
		return err
	}
	all, err := maps.Lister().ConfigMaps(namespace).List(labels.Everything())
	if err != nil || len(all) == 0 {
		return fmt.Errorf("the lister has %d: %v", len(all), err)
	}
	if err = client.CoreV1().ConfigMaps(namespace).Delete(ctx, "informed", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return seen.expect(ctx, "typed deletion", before+1, 1, 1)
}

func definition(plural, kind string) *apiextensionsv1.CustomResourceDefinition {
	open := true
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + ".peers.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "peers.example.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object",
					Properties: map[string]apiextensionsv1.JSONSchemaProps{
						"spec":   {Type: "object", XPreserveUnknownFields: &open},
						"status": {Type: "object", XPreserveUnknownFields: &open},
					},
				}},
			}},
		},
	}
}

func define(ctx context.Context, config *rest.Config, plural, kind string) error {
	client, err := apiextensions.NewForConfig(config)
	if err != nil {
		return err
	}
	crd := definition(plural, kind)
	if _, err = client.ApiextensionsV1().CustomResourceDefinitions().Create(ctx, crd, metav1.CreateOptions{}); err != nil && !errors.IsAlreadyExists(err) {
		return err
	}
	return until(ctx, "established", func() (bool, error) {
		found, err := client.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, crd.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range found.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
}

func dynamicInformers(ctx context.Context, config *rest.Config) error {
	if err := define(ctx, config, "gears", "Gear"); err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	resource := schema.GroupVersionResource{Group: "peers.example.com", Version: "v1", Resource: "gears"}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, time.Hour, namespace, func(options *metav1.ListOptions) {
		options.LabelSelector = "on=yes"
	})
	seen := &counter{}
	if _, err = factory.ForResource(resource).Informer().AddEventHandler(seen.handlers()); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	gear := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "peers.example.com/v1", "kind": "Gear",
		"metadata": map[string]any{"name": "first", "labels": map[string]any{"on": "yes"}},
		"spec":     map[string]any{"teeth": int64(12)},
	}}
	gears := client.Resource(resource).Namespace(namespace)
	made, err := gears.Create(ctx, gear, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err = unstructured.SetNestedField(made.Object, "turning", "status", "phase"); err != nil {
		return err
	}
	if made, err = gears.UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err = seen.expect(ctx, "dynamic events", 1, 1, 0); err != nil {
		return err
	}
	// Leaving the selector is a deletion to this informer.
	made.SetLabels(map[string]string{"on": "no"})
	if _, err = gears.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if err = seen.expect(ctx, "leaving the selector", 1, 1, 1); err != nil {
		return err
	}
	return gears.Delete(ctx, "first", metav1.DeleteOptions{})
}

func retriedWatch(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	secrets := client.CoreV1().Secrets(namespace)
	list, err := secrets.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	second := int64(1)
	lw := &cache.ListWatch{WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
		// Each connection is short, so that this one spans several.
		options.TimeoutSeconds = &second
		return secrets.Watch(ctx, options)
	}}
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, lw)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for i := range 3 {
		if i > 0 {
			time.Sleep(1100 * time.Millisecond)
		}
		name := fmt.Sprintf("watched-%d", i)
		if _, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"a": "b"}}, metav1.CreateOptions{}); err != nil {
			return err
		}
		select {
		case event := <-watcher.ResultChan():
			secret, ok := event.Object.(*corev1.Secret)
			if !ok || event.Type != watch.Added || secret.Name != name || string(secret.Data["a"]) != "b" {
				return fmt.Errorf("another event came: %v %v", event.Type, event.Object)
			}
		case <-ctx.Done():
			return fmt.Errorf("event %d did not come", i)
		}
	}
	return nil
}
