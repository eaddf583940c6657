package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const provisioner = "cluster.test/folder"

// provisionerCommand gives each claim of the storage class a folder of this machine, which all nodes see.
func provisionerCommand() *cobra.Command {
	var kubeconfig, root string
	command := &cobra.Command{Use: "provisioner", RunE: func(command *cobra.Command, _ []string) error {
		client, err := clientOf(kubeconfig)
		if err != nil {
			return err
		}
		for ; ; time.Sleep(500 * time.Millisecond) {
			if err := provision(command.Context(), client, root); err != nil {
				log.Print(err)
			}
		}
	}}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	command.Flags().StringVar(&root, "root", "", "where the folders are made")
	return command
}

func clientOf(kubeconfig string) (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func provision(ctx context.Context, client *kubernetes.Clientset, root string) error {
	if ctx == nil {
		ctx = context.Background()
	}
	classes, err := client.StorageV1().StorageClasses().List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	ours := map[string]core.PersistentVolumeReclaimPolicy{}
	for _, class := range classes.Items {
		if class.Provisioner == provisioner {
			ours[class.Name] = *class.ReclaimPolicy
		}
	}
	claims, err := client.CoreV1().PersistentVolumeClaims("").List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	for _, claim := range claims.Items {
		name := claim.Spec.StorageClassName
		if claim.Spec.VolumeName != "" || name == nil || claim.Status.Phase != core.ClaimPending {
			continue
		}
		// With WaitForFirstConsumer the scheduler names a node once a pod wants the claim.
		policy, isOurs := ours[*name]
		if !isOurs || claim.Annotations["volume.kubernetes.io/selected-node"] == "" {
			continue
		}
		if err := makeVolume(ctx, client, root, &claim, policy); err != nil {
			return err
		}
	}
	return removeReleased(ctx, client)
}

func makeVolume(ctx context.Context, client *kubernetes.Clientset, root string,
	claim *core.PersistentVolumeClaim, policy core.PersistentVolumeReclaimPolicy) error {
	name := "pvc-" + string(claim.UID)
	volumes := client.CoreV1().PersistentVolumes()
	if _, err := volumes.Get(ctx, name, meta.GetOptions{}); err == nil {
		return nil
	}
	folder := filepath.Join(root, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	volume := &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisioner}},
		Spec: core.PersistentVolumeSpec{
			Capacity:                      claim.Spec.Resources.Requests,
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              *claim.Spec.StorageClassName,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef:                      &core.ObjectReference{Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID, ResourceVersion: claim.ResourceVersion},
			// Unlike a hostPath, it is given to the group of the pod, as a disk would be.
			PersistentVolumeSource: core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: folder}},
			NodeAffinity:           anyNode(),
		},
	}
	_, err := volumes.Create(ctx, volume, meta.CreateOptions{})
	return err
}

func anyNode() *core.VolumeNodeAffinity {
	expression := core.NodeSelectorRequirement{Key: core.LabelHostname, Operator: core.NodeSelectorOpExists}
	term := core.NodeSelectorTerm{MatchExpressions: []core.NodeSelectorRequirement{expression}}
	return &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{term}}}
}

// removeReleased removes the folders whose claim is gone.
func removeReleased(ctx context.Context, client *kubernetes.Clientset) error {
	volumes, err := client.CoreV1().PersistentVolumes().List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	for _, volume := range volumes.Items {
		isOurs := volume.Annotations["pv.kubernetes.io/provisioned-by"] == provisioner
		isGone := volume.Status.Phase == core.VolumeReleased || volume.Status.Phase == core.VolumeFailed
		if !isOurs || !isGone || volume.Spec.PersistentVolumeReclaimPolicy != core.PersistentVolumeReclaimDelete {
			continue
		}
		if err := os.RemoveAll(volume.Spec.Local.Path); err != nil {
			return err
		}
		if err := client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}
