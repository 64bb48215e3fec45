/* decant bench: how fast this machine trains and predicts. Each training case runs in a process of its own, so that its
 * memory and its start are its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "decant/bench.h"
#include "output.h"
#include "overrides.h"
#include "restart.h"
#include "verbs.h"

#define DEFAULT_SECONDS 3

enum { SECONDS = OPTION_COMPUTE_COUNT, PROFILE, BATCH };

static const cli_option options[] = {
    OPTION_JSON_ROW,
    OPTION_QUIET_ROW,
    OPTION_DEVICE_ROW,
    OPTION_THREADS_ROW,
    OPTION_PRECISION_ROW,
    {"seconds", 0, OPTION_INT, "N", 1, 600, "measure each case for this long (3)"},
    {"profile", 0, OPTION_FLAG, 0, 0, 0, "also show the time of each step of the plan"},
    {"batch", 0, OPTION_INT, "N", 1, 65536, "infer: samples a call (what each case says)"},
};

/* What one case gave, as the child tells its parent; written through a pipe whole. */
typedef struct measurement {
    int64_t parameters, peak_rss, memory, streamed;
    double seconds, seconds_min, seconds_max, flops, bf16_flops, needed_flops, needed_bf16_flops, ready_clock,
        first_step_clock;
} measurement;

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void print_profile(const decant_bench_result *result)
{
    double total = 0.0;
    for (int32_t i = 0; i < result->n_rows; i++)
        total += result->rows[i].seconds;
    fprintf(stderr, "%9s %6s %8s %8s  %-22s %-22s %s\n", "us", "share", "GFLOP/s", "GB/s", "op", "layer", "kernel");
    for (int32_t i = 0; i < result->n_rows; i++) {
        const decant_bench_row *row = &result->rows[i];
        fprintf(stderr, "%9.1f %5.1f%% %8.1f %8.1f  %-22s %-22s %s\n", row->seconds * 1e6, 100.0 * row->seconds / total,
                row->flops / row->seconds / 1e9, (double)row->bytes / row->seconds / 1e9, row->op, row->layer,
                row->kernel);
    }
}

/* In the child: measures, and writes the measurement to the pipe. */
static int measure_into(int pipe_end, const char *name, const cli_invocation *invocation)
{
    const decant_compute compute = asked_compute(invocation->values);
    const option_value *seconds = &invocation->values[SECONDS];
    decant_bench_result *result;
    decant_status status =
        decant_bench_train(name, &compute, seconds->given ? (double)seconds->number : DEFAULT_SECONDS,
                           invocation->values[PROFILE].given, &result);
    if (status != DECANT_OK) return report_failure(status);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const measurement measured = {.parameters = result->parameters,
                                  .peak_rss = (int64_t)usage.ru_maxrss * 1024,
                                  .memory = result->memory,
                                  .streamed = result->streamed,
                                  .seconds = result->seconds,
                                  .seconds_min = result->seconds_min,
                                  .seconds_max = result->seconds_max,
                                  .flops = result->flops,
                                  .bf16_flops = result->bf16_flops,
                                  .needed_flops = result->needed_flops,
                                  .needed_bf16_flops = result->needed_bf16_flops,
                                  .ready_clock = result->ready_clock,
                                  .first_step_clock = result->first_step_clock};
    if (result->rows) print_profile(result);
    decant_bench_result_destroy(result);
    return write(pipe_end, &measured, sizeof measured) == sizeof measured ? 0 : 1;
}

/* The child is this program anew, so that starting it costs what starting decant costs, its own
 * restart included. */
static void run_child(int pipe_end, const char *name, const cli_invocation *invocation)
{
    char text[3][32];
    const char *arguments[16] = {"decant", "bench", "child", name};
    int n = 4;
    snprintf(text[0], sizeof text[0], "%d", pipe_end);
    arguments[n++] = text[0];
    if (invocation->values[SECONDS].given) {
        snprintf(text[1], sizeof text[1], "%lld", (long long)invocation->values[SECONDS].number);
        arguments[n++] = "--seconds";
        arguments[n++] = text[1];
    }
    if (invocation->values[PROFILE].given) arguments[n++] = "--profile";
    if (invocation->values[OPTION_DEVICE].given) {
        arguments[n++] = "--device";
        arguments[n++] = invocation->values[OPTION_DEVICE].text;
    }
    if (invocation->values[OPTION_THREADS].given) {
        snprintf(text[2], sizeof text[2], "%lld", (long long)invocation->values[OPTION_THREADS].number);
        arguments[n++] = "--threads";
        arguments[n++] = text[2];
    }
    if (invocation->values[OPTION_PRECISION].given) {
        arguments[n++] = "--precision";
        arguments[n++] = invocation->values[OPTION_PRECISION].text;
    }
    forget_brief_spin();
    restart((char *const *)arguments);
    _exit(127);
}

/* Runs one case in a child; -1 and the child's exit status in *ret_exit when it failed. */
static int measure_case(const char *name, const cli_invocation *invocation, measurement *ret_measured,
                        double *ret_start, int *ret_exit)
{
    int ends[2], wait_status;
    if (pipe(ends) != 0) {
        *ret_exit = report_error(1, "a pipe could not be made: %s", strerror(errno));
        return -1;
    }
    *ret_start = monotonic_seconds();
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(ends[1], name, invocation);
    }
    close(ends[1]);
    const ssize_t count = child < 0 ? -1 : read(ends[0], ret_measured, sizeof *ret_measured);
    close(ends[0]);
    if (child < 0) {
        *ret_exit = report_error(1, "no process could be started: %s", strerror(errno));
        return -1;
    }
    while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0 && count == sizeof *ret_measured) return 0;
    *ret_exit = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0
                    ? WEXITSTATUS(wait_status)
                    : report_error(1, "measuring %s ended without a result", name);
    return -1;
}

/* How long the operations alone take at the peak, each from the type of numbers that it reads; 0 when the ceilings are
 * not known. */
static double seconds_at_peak(double flops, double bf16_flops, const decant_bench_peak *peak)
{
    if (!(peak->f32_flops > 0)) return 0.0;
    const double narrow = peak->bf16_flops > 0 ? peak->bf16_flops : peak->f32_flops;
    return (flops - bf16_flops) / peak->f32_flops + bf16_flops / narrow;
}

/* The least time that these kernels could take on this machine: the operations that their algorithms need, and what
 * must come from memory at the memory's speed. */
static double floor_seconds(double needed_flops, double needed_bf16_flops, int64_t streamed,
                            const decant_bench_peak *peak)
{
    const double streaming = peak->bytes_per_second > 0 ? (double)streamed / peak->bytes_per_second : 0.0;
    return seconds_at_peak(needed_flops, needed_bf16_flops, peak) + streaming;
}

static json_t *peak_json(const decant_bench_peak *peak)
{
    return json_pack("{s:f, s:f, s:f}", "f32_flops_per_second", peak->f32_flops, "bf16_flops_per_second",
                     peak->bf16_flops, "bytes_per_second", peak->bytes_per_second);
}

static json_t *measurement_json(const decant_bench_case *of, const measurement *measured, double start,
                                const decant_bench_peak *peak)
{
    const double batch = (double)of->batch, speed = measured->flops / measured->seconds;
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "case", of->name, "batch", (json_int_t)of->batch,
                  "parameters", (json_int_t)measured->parameters, "images_per_second", batch / measured->seconds,
                  "slowest", batch / measured->seconds_max, "fastest", batch / measured->seconds_min, "step_seconds",
                  measured->seconds, "flops_per_second", speed, "share_of_peak",
                  seconds_at_peak(measured->flops, measured->bf16_flops, peak) / measured->seconds);
    json_t *more = json_pack(
        "{s:o, s:f, s:f, s:f, s:I, s:I}", "peak", peak_json(peak), "floor_seconds",
        floor_seconds(measured->needed_flops, measured->needed_bf16_flops, measured->streamed, peak), "ready_seconds",
        measured->ready_clock - start, "first_step_seconds", measured->first_step_clock - start, "peak_rss_bytes",
        (json_int_t)measured->peak_rss, "plan_bytes", (json_int_t)measured->memory);
    if (object && more) json_object_update(object, more);
    json_decref(more);
    return object;
}

static int print_measurement(const decant_bench_case *of, const measurement *measured, double start,
                             const decant_bench_peak *peak, bool json)
{
    if (json) return print_json(measurement_json(of, measured, start, peak));
    const double batch = (double)of->batch, speed = measured->flops / measured->seconds;
    printf("%-10s %5lld %11.0f %11.0f %11.0f %10.3f %9.1f %7.0f%% %8.0f %8.0f\n", of->name, (long long)of->batch,
           batch / measured->seconds, batch / measured->seconds_max, batch / measured->seconds_min,
           1e3 * measured->seconds, speed / 1e9,
           100 * seconds_at_peak(measured->flops, measured->bf16_flops, peak) / measured->seconds,
           (double)measured->peak_rss / 1048576.0, 1e3 * (measured->first_step_clock - start));
    fflush(stdout);
    return 0;
}

static bool is_wanted(const cli_invocation *invocation, const char *name)
{
    bool wanted = invocation->n_arguments == 1;
    for (int32_t a = 1; a < invocation->n_arguments; a++)
        wanted = wanted || strcmp(invocation->arguments[a], name) == 0;
    return wanted;
}

static int train(const cli_invocation *invocation)
{
    const bool json = invocation->values[OPTION_JSON].given;
    const decant_compute compute = asked_compute(invocation->values);
    decant_bench_peak peak = {0};
    decant_status status = decant_bench_measure_peak(&compute, &peak);
    if (status != DECANT_OK && status != DECANT_UNSUPPORTED) return report_failure(status);
    if (!json) {
        printf("peak: %.0f GFLOP/s of f32 multiply-adds, %.0f from bf16, %.1f GB/s of memory\n", peak.f32_flops / 1e9,
               peak.bf16_flops / 1e9, peak.bytes_per_second / 1e9);
        printf("%-10s %5s %11s %11s %11s %10s %9s %8s %8s %8s\n", "step", "batch", "samples/s", "slowest", "fastest",
               "ms", "GFLOP/s", "of peak", "RSS MiB", "start ms");
        fflush(stdout);
    }
    for (int32_t i = 0; i < decant_bench_case_count(); i++) {
        const decant_bench_case of = decant_bench_case_at(i);
        if (!is_wanted(invocation, of.name)) continue;
        measurement measured;
        double start;
        int exit_status = 0;
        if (measure_case(of.name, invocation, &measured, &start, &exit_status) != 0) return exit_status;
        exit_status = print_measurement(&of, &measured, start, &peak, json);
        if (exit_status != 0) return exit_status;
    }
    return 0;
}

static int print_inference(const decant_bench_result *result, const decant_bench_peak *peak, bool json)
{
    const double rate = (double)result->of.batch / result->seconds, speed = result->flops / result->seconds;
    const double share = seconds_at_peak(result->flops, result->bf16_flops, peak) / result->seconds;
    const double least = floor_seconds(result->needed_flops, result->needed_bf16_flops, result->streamed, peak);
    if (json)
        return print_json(json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:o}", "inference",
                                    result->of.name, "batch", (json_int_t)result->of.batch, "parameters",
                                    (json_int_t)result->parameters, "call_seconds", result->seconds, "fastest_seconds",
                                    result->seconds_min, "slowest_seconds", result->seconds_max, "images_per_second",
                                    rate, "flops_per_second", speed, "share_of_peak", share, "floor_seconds", least,
                                    "plan_bytes", (json_int_t)result->memory, "peak", peak_json(peak)));
    printf("%-10s %5lld %11.2f %11.2f %11.2f %11.0f %9.1f %7.0f%%\n", result->of.name, (long long)result->of.batch,
           1e6 * result->seconds, 1e6 * result->seconds_min, 1e6 * result->seconds_max, rate, speed / 1e9, 100 * share);
    fflush(stdout);
    return 0;
}

static int infer_case(const char *name, const cli_invocation *invocation, const decant_bench_peak *peak)
{
    const option_value *values = invocation->values;
    const decant_compute compute = asked_compute(invocation->values);
    decant_bench_result *result = NULL;
    decant_status status = decant_bench_infer(name, &compute, values[BATCH].given ? values[BATCH].number : 0,
                                              values[SECONDS].given ? (double)values[SECONDS].number : DEFAULT_SECONDS,
                                              values[PROFILE].given, &result);
    if (status != DECANT_OK) return report_failure(status);
    if (result->rows) print_profile(result);
    int exit_status = print_inference(result, peak, values[OPTION_JSON].given);
    decant_bench_result_destroy(result);
    return exit_status;
}

static int infer(const cli_invocation *invocation)
{
    const decant_compute compute = asked_compute(invocation->values);
    decant_bench_peak peak = {0};
    decant_status status = decant_bench_measure_peak(&compute, &peak);
    if (status != DECANT_OK && status != DECANT_UNSUPPORTED) return report_failure(status);
    if (!invocation->values[OPTION_JSON].given)
        printf("%-10s %5s %11s %11s %11s %11s %9s %8s\n", "inference", "batch", "us a call", "fastest", "slowest",
               "samples/s", "GFLOP/s", "of peak");
    for (int32_t i = 0; i < decant_bench_infer_count(); i++) {
        const decant_bench_case of = decant_bench_infer_at(i);
        int exit_status = is_wanted(invocation, of.name) ? infer_case(of.name, invocation, &peak) : 0;
        if (exit_status != 0) return exit_status;
    }
    return 0;
}

static int list_case(const decant_bench_case *of, const char *key, bool json)
{
    if (json)
        return print_json(json_pack("{s:s, s:s, s:I}", key, of->name, "description", of->description, "batch",
                                    (json_int_t)of->batch));
    printf("%-10s batch %-4lld %s\n", of->name, (long long)of->batch, of->description);
    return 0;
}

static int list_cases(bool json)
{
    int exit_status = 0;
    if (!json) puts("train:");
    for (int32_t i = 0; i < decant_bench_case_count() && exit_status == 0; i++) {
        const decant_bench_case of = decant_bench_case_at(i);
        exit_status = list_case(&of, "case", json);
    }
    if (!json) puts("infer:");
    for (int32_t i = 0; i < decant_bench_infer_count() && exit_status == 0; i++) {
        const decant_bench_case of = decant_bench_infer_at(i);
        exit_status = list_case(&of, "inference", json);
    }
    return exit_status;
}

static bool is_case(const char *name, bool training)
{
    const int32_t count = training ? decant_bench_case_count() : decant_bench_infer_count();
    for (int32_t i = 0; i < count; i++)
        if (strcmp((training ? decant_bench_case_at(i) : decant_bench_infer_at(i)).name, name) == 0) return true;
    return false;
}

/* For `list` and `train`: options that would change nothing are not passed over in silence. Returns -1 when all is
 * well. */
static int refuse_idle_options(const cli_invocation *invocation, const char *what)
{
    static const int of_measuring[] = {SECONDS, PROFILE, OPTION_DEVICE, OPTION_THREADS, OPTION_PRECISION};
    const option_value *values = invocation->values;
    const bool is_list = strcmp(what, "list") == 0;
    for (size_t i = 0; i < sizeof of_measuring / sizeof of_measuring[0] && is_list; i++)
        if (values[of_measuring[i]].given)
            return usage_error(invocation->verb, "--%s is for measuring", options[of_measuring[i]].name);
    if (values[BATCH].given)
        return usage_error(invocation->verb, "--batch is for `decant bench infer`; a training case has its own");
    return is_list && invocation->n_arguments > 1 ? usage_error(invocation->verb, "list takes no argument") : -1;
}

static int run(const cli_invocation *invocation)
{
    const char *what = invocation->n_arguments > 0 ? invocation->arguments[0] : "train";
    const bool is_list = strcmp(what, "list") == 0, training = strcmp(what, "train") == 0;
    const int refused = is_list || training ? refuse_idle_options(invocation, what) : -1;
    if (refused >= 0) return refused;
    if (is_list) return list_cases(invocation->values[OPTION_JSON].given);
    if (strcmp(what, "child") == 0 && invocation->n_arguments == 3)
        return measure_into((int)strtol(invocation->arguments[2], NULL, 10), invocation->arguments[1], invocation);
    if (!training && strcmp(what, "infer") != 0)
        return usage_error(invocation->verb, "'%s' is none of 'train', 'infer' and 'list'", what);
    for (int32_t a = 1; a < invocation->n_arguments; a++)
        if (!is_case(invocation->arguments[a], training))
            return usage_error(invocation->verb, "there is no case '%s'; `decant bench list` shows them",
                               invocation->arguments[a]);
    if (!training) return infer(invocation);
    if (invocation->n_arguments == 0) {
        cli_invocation all = *invocation;
        const char *const train_all[] = {"train"};
        all.arguments = train_all;
        all.n_arguments = 1;
        return train(&all);
    }
    return train(invocation);
}

const cli_verb verb_bench = {
    .name = "bench",
    .arguments = "[train [CASE...] | infer [CASE...] | list]",
    .summary = "measures this machine: its ceilings, training steps and predictions",
    .details =
        "Without arguments every training case is measured. A step is what training does: the next batch from the "
        "loader, forward, loss,\n"
        "backward, update. samples/s is the median of seven windows; start is from the program's start to the "
        "end of the first\n"
        "step; the share is of the multiply-adds that the processor was measured to do at most.\n"
        "`infer` measures calls of a predictor, from raw inputs to logits: the median of seven windows, the fastest "
        "and the slowest.\n",
    .options = options,
    .n_options = (int32_t)(sizeof options / sizeof options[0]),
    .computes = true,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
};
