import type { ContainerImage } from "@capstan/api/generated/core-v1";
import type { ImageService } from "@capstan/core/runtime";

// The kubelet's: nodeStatusMaxImages, and the names of each.
const imagesLimit = 50;
const namesLimit = 5;

/** The largest images as a Node's status has them. */
export function nodeImages(images: ImageService): ContainerImage[] {
  return images
    .listImages()
    .map(({ names, digests = [], size }) => ({ names: [...digests, ...names].slice(0, namesLimit), sizeBytes: size }))
    .filter(({ names }) => names.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, imagesLimit);
}
