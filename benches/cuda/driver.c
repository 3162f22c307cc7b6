/*
 * A CUDA driver that computes nothing: it reports a GPU of NVIDIA's sm_90, writes the kernels that it gets to files and records
 * their launches. So a machine without a GPU can measure the kernels' registers and the CPU time of a step.
 *
 * Files, in the folder DRIVER_OUT: N.ptx, the kernels, and `launches`, a line for each launch: N and the number of cubes (blocks).
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t Address;

enum { SUCCESS = 0 };

static int modules;

static FILE *create(const char *name)
{
	char path[4096];
	const char *folder = getenv("DRIVER_OUT");
	snprintf(path, sizeof path, "%s/%s", folder ? folder : ".", name);
	FILE *file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

/* The device. Attributes are numbered as in CUdevice_attribute. */

int cuInit(unsigned flags) { return SUCCESS; }
int cuDriverGetVersion(int *version) { *version = 13000; return SUCCESS; }
int cuDeviceGetCount(int *count) { *count = 1; return SUCCESS; }
int cuDeviceGet(int *device, int index) { *device = index; return SUCCESS; }
int cuDeviceGetName(char *name, int size, int device) { snprintf(name, size, "no GPU"); return SUCCESS; }
int cuDeviceGetPCIBusId(char *id, int size, int device) { snprintf(id, size, "0000:00:00.0"); return SUCCESS; }
int cuDeviceGetUuid(void *id, int device) { memset(id, 1, 16); return SUCCESS; }
int cuDeviceGetUuid_v2(void *id, int device) { memset(id, 1, 16); return SUCCESS; }
int cuDeviceGetLuid(void *id, unsigned *mask, int device) { memset(id, 1, 8); *mask = 1; return SUCCESS; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)140 << 30; return SUCCESS; }

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	switch (attribute) {
	case 1: case 2: case 3: *value = 1024; break; /* threads of a block, and along x and y */
	case 4: *value = 64; break;                   /* along z */
	case 5: *value = INT32_MAX; break;            /* blocks along x */
	case 6: case 7: *value = 65535; break;        /* along y and z */
	case 8: *value = 48 << 10; break;             /* shared memory of a block */
	case 10: *value = 32; break;                  /* threads of a warp */
	case 12: case 82: *value = 64 << 10; break;   /* registers of a block, of a multiprocessor */
	case 16: *value = 132; break;                 /* multiprocessors */
	case 39: *value = 2048; break;                /* threads of a multiprocessor */
	case 75: *value = 9; break;                   /* compute capability */
	case 76: *value = 0; break;
	case 81: *value = 228 << 10; break;           /* shared memory of a multiprocessor */
	case 97: *value = 227 << 10; break;           /* shared memory of a block that asks for more */
	case 106: *value = 32; break;                 /* blocks of a multiprocessor */
	default: *value = 1;
	}
	return SUCCESS;
}

/* Contexts, streams and events are dummy handles. */

static int handle(void **object) { *object = (void *)8; return SUCCESS; }

int cuDevicePrimaryCtxRetain(void **context, int device) { return handle(context); }
int cuDevicePrimaryCtxRelease_v2(int device) { return SUCCESS; }
int cuCtxGetCurrent(void **context) { return handle(context); }
int cuCtxSetCurrent(void *context) { return SUCCESS; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = *greatest = 0; return SUCCESS; }
int cuStreamCreate(void **stream, unsigned flags) { return handle(stream); }
int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) { return handle(stream); }
int cuStreamSynchronize(void *stream) { return SUCCESS; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { return SUCCESS; }
int cuEventCreate(void **event, unsigned flags) { return handle(event); }
int cuEventDestroy_v2(void *event) { return SUCCESS; }
int cuEventRecord(void *event, void *stream) { return SUCCESS; }
int cuEventSynchronize(void *event) { return SUCCESS; }
int cuGetErrorName(int error, const char **text) { *text = "error"; return SUCCESS; }
int cuGetErrorString(int error, const char **text) { *text = "error"; return SUCCESS; }

/* The device's memory is a range of addresses that nothing reads; all values that are read back are zero. */

int cuMemAlloc_v2(Address *address, size_t bytes)
{
	static Address next = (Address)1 << 40;
	*address = next;
	next += (bytes + 511) / 512 * 512;
	return SUCCESS;
}

struct Copy {
	size_t from_x, from_y;
	int from_type;
	const void *from_host;
	Address from_device;
	void *from_array;
	size_t from_pitch, to_x, to_y;
	int to_type;
	void *to_host;
	Address to_device;
	void *to_array;
	size_t to_pitch, width, height;
};

int cuMemAllocAsync(Address *address, size_t bytes, void *stream) { return cuMemAlloc_v2(address, bytes); }
int cuMemFree_v2(Address address) { return SUCCESS; }
int cuMemFreeAsync(Address address, void *stream) { return SUCCESS; }
int cuMemGetInfo_v2(size_t *left, size_t *all) { *left = *all = (size_t)140 << 30; return SUCCESS; }
int cuMemAllocHost_v2(void **address, size_t bytes) { *address = calloc(bytes ? bytes : 1, 1); return SUCCESS; }
int cuMemFreeHost(void *address) { free(address); return SUCCESS; }
int cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes, void *stream) { return SUCCESS; }
int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void *stream) { return SUCCESS; }
int cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes, void *stream) { memset(to, 0, bytes); return SUCCESS; }

int cuMemcpy2DAsync_v2(const struct Copy *copy, void *stream)
{
	const int host = 1;
	for (size_t row = 0; copy->to_type == host && row < copy->height; row++)
		memset((char *)copy->to_host + row * copy->to_pitch, 0, copy->width);
	return SUCCESS;
}

/* The kernels. A module is its number, from 1. */

int cuModuleLoadData(void **module, const void *image)
{
	char name[32];
	snprintf(name, sizeof name, "%d.ptx", ++modules);
	FILE *file = create(name);
	fputs(image, file);
	fclose(file);
	*module = (void *)(intptr_t)modules;
	return SUCCESS;
}

int cuModuleUnload(void *module) { return SUCCESS; }
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = module; return SUCCESS; }
int cuFuncSetAttribute(void *function, int attribute, int value) { return SUCCESS; }
int cuFuncGetAttribute(int *value, int attribute, void *function) { *value = 0; return SUCCESS; }

int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned block_x, unsigned block_y, unsigned block_z,
	unsigned shared_bytes, void *stream, void **arguments, void **extra)
{
	static FILE *launches;
	if (!launches)
		launches = create("launches");
	fprintf(launches, "%d %u\n", (int)(intptr_t)function, x * y * z);
	return SUCCESS;
}
