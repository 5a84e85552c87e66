package main

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Widget is a custom kind whose controller keeps a ConfigMap for each.
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              WidgetSpec   `json:"spec,omitempty"`
	Status            WidgetStatus `json:"status,omitempty"`
}

type WidgetSpec struct {
	Text string `json:"text,omitempty"`
}

type WidgetStatus struct {
	Ready bool `json:"ready,omitempty"`
}

type WidgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Widget `json:"items"`
}

func (w *Widget) DeepCopyObject() runtime.Object {
	copied := *w
	copied.ObjectMeta = *w.ObjectMeta.DeepCopy()
	return &copied
}

func (l *WidgetList) DeepCopyObject() runtime.Object {
	copied := *l
	copied.Items = make([]Widget, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*Widget)
	}
	return &copied
}

const finalizer = "peers.example.com/cleanup"

type reconciler struct{ client.Client }

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	widget := &Widget{}
	if err := r.Get(ctx, request.NamespacedName, widget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !widget.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(widget, finalizer) {
			return ctrl.Result{}, r.Update(ctx, widget)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(widget, finalizer) {
		return ctrl.Result{}, r.Update(ctx, widget)
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: widget.Name, Namespace: widget.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, object, func() error {
		object.Data = map[string]string{"text": widget.Spec.Text}
		return controllerutil.SetControllerReference(widget, object, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	if widget.Status.Ready {
		return ctrl.Result{}, nil
	}
	before := widget.DeepCopyObject().(*Widget)
	widget.Status.Ready = true
	return ctrl.Result{}, r.Status().Patch(ctx, widget, client.MergeFrom(before))
}

func manager(ctx context.Context, config *rest.Config) error {
	if err := define(ctx, config, "widgets", "Widget"); err != nil {
		return err
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	version := schema.GroupVersion{Group: "peers.example.com", Version: "v1"}
	scheme.AddKnownTypes(version, &Widget{}, &WidgetList{})
	metav1.AddToGroupVersion(scheme, version)
	m, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		LeaderElection: true, LeaderElectionID: "widgets.peers.example.com", LeaderElectionNamespace: namespace, LeaderElectionReleaseOnCancel: true,
		Cache: cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
	})
	if err != nil {
		return err
	}
	if err = m.GetFieldIndexer().IndexField(ctx, &Widget{}, "spec.text", func(o client.Object) []string { return []string{o.(*Widget).Spec.Text} }); err != nil {
		return err
	}
	if err = ctrl.NewControllerManagedBy(m).For(&Widget{}).Owns(&corev1.ConfigMap{}).Complete(&reconciler{m.GetClient()}); err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- m.Start(running) }()
	defer func() { stop(); <-ended }()
	select {
	case <-m.Elected():
	case err = <-ended:
		return fmt.Errorf("the manager ended: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("the manager never leads")
	}
	return useWidgets(ctx, m.GetClient())
}

func useWidgets(ctx context.Context, c client.Client) error {
	widget := &Widget{ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: namespace}, Spec: WidgetSpec{Text: "hello"}}
	if err := c.Create(ctx, widget); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(widget)
	if err := until(ctx, "ready", func() (bool, error) {
		err := c.Get(ctx, key, widget)
		return err == nil && widget.Status.Ready, client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	indexed := &WidgetList{}
	if err := c.List(ctx, indexed, client.MatchingFields{"spec.text": "hello"}); err != nil || len(indexed.Items) != 1 {
		return fmt.Errorf("the index has %d: %v", len(indexed.Items), err)
	}
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one", Namespace: namespace}}
	if err := c.Delete(ctx, owned); err != nil {
		return err
	}
	old := owned.UID
	if err := until(ctx, "the owned object comes back", func() (bool, error) {
		err := c.Get(ctx, key, owned)
		return err == nil && owned.UID != old && owned.Data["text"] == "hello", client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	if err := c.Delete(ctx, widget, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		return err
	}
	if err := until(ctx, "the widget goes", func() (bool, error) {
		err := c.Get(ctx, key, widget)
		return errors.IsNotFound(err), client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	return until(ctx, "what it owned goes", func() (bool, error) {
		err := c.Get(ctx, key, owned)
		return errors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}
