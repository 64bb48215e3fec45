/* Every op of the table on one device against ref: conformance DEVICE [ISA [bf16]]. Walks the table, so a new op is
 * tested or the build breaks. Exit status 77 (a skip) when this machine lacks the instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conformance/harness.h"

static const char *device_name = "cpu", *isa_name = NULL;
static bool in_bf16 = false;

static dcn_device *open_device(int32_t threads)
{
    dcn_device_options options = {.threads = threads, .isa = isa_name};
    dcn_device *device = NULL;
    require(dcn_device_open(device_name, &options, &device), "opening the device");
    return device;
}

static void check_case(dcn_device *const *devices, int n_devices, const op_case *test)
{
    host_tensors filled, expected;
    case_fill(test, &filled);
    case_expect(test, &filled, strcmp(device_name, "ref") == 0, &expected);
    for (int i = 0; i < n_devices; i++) {
        for (int k = 0; k < VARIANT_COUNT; k++) {
            host_tensors actual;
            if (!case_run(devices[i], test, (run_variant)k, &filled, &actual)) continue;
            case_compare(devices[i], test, (run_variant)k, &filled, &expected, &actual);
            host_tensors_finish(&actual);
        }
    }
    case_check_reorders(devices[0], test, &filled);
    host_tensors_finish(&expected);
    host_tensors_finish(&filled);
}

static void check_op(decant_op op, void (*cases)(case_list *list))
{
    case_list list = {0};
    cases(&list);
    assert_true(list.count > 0);
    /* ref works on one thread whatever it is given */
    int n_devices = strcmp(device_name, "ref") == 0 ? 1 : 2;
    dcn_device *devices[2];
    for (int i = 0; i < n_devices; i++)
        devices[i] = open_device(i + 1);
    for (int32_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].call.op, op);
        if (in_bf16 && !case_narrow(&list.items[i], i % 2 == 1)) continue; /* f32 always: tested without bf16 */
        check_case(devices, n_devices, &list.items[i]);
    }
    for (int i = 0; i < n_devices; i++)
        dcn_device_close(devices[i]);
    case_list_finish(&list);
}

#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags)                                                       \
    static void test_##lower(void **state)                                                                             \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        check_op(DECANT_OP_##upper, cases_##lower);                                                                    \
    }
#include "graph/op.def"

static const struct CMUnitTest tests[] = {
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) cmocka_unit_test(test_##lower),
#include "graph/op.def"
};

int main(int argc, char **argv)
{
    if (argc > 1) device_name = argv[1];
    if (argc > 2) isa_name = argv[2];
    in_bf16 = argc > 3 && strcmp(argv[3], "bf16") == 0;
    dcn_device_options options = {.threads = 1, .isa = isa_name};
    dcn_device *device = NULL;
    decant_status status = dcn_device_open(device_name, &options, &device);
    if (status == DECANT_UNSUPPORTED && isa_name != NULL) {
        fprintf(stderr, "skipped: %s\n", decant_error_message());
        return 77;
    }
    dcn_device_close(device);
    return cmocka_run_group_tests_name(argc > 2 ? argv[2] : device_name, tests, NULL, NULL);
}
