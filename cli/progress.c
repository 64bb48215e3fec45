/* Bars and lines of training. */
#include "progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define BAR_WIDTH     16
#define LINE_BYTES    256
#define USUAL_COLUMNS 80

cli_progress progress_begin(bool quiet)
{
    return (cli_progress){.quiet = quiet, .bars = !quiet && is_terminal(stderr)};
}

void progress_break(cli_progress *progress)
{
    if (progress->bar_open) fputs("\r\033[K", stderr);
    progress->bar_open = false;
}

/* "4.5 s", "45 s", "3 min 20 s", "2 h 5 min" */
static const char *duration_text(double seconds, char buffer[32])
{
    long long whole = isfinite(seconds) && seconds > 0 ? llround(seconds) : 0;
    if (whole < 10)
        snprintf(buffer, 32, "%.1f s", isfinite(seconds) && seconds > 0 ? seconds : 0.0);
    else if (whole < 60)
        snprintf(buffer, 32, "%lld s", whole);
    else if (whole < 3600)
        snprintf(buffer, 32, "%lld min %lld s", whole / 60, whole % 60);
    else
        snprintf(buffer, 32, "%lld h %lld min", whole / 3600, whole / 60 % 60);
    return buffer;
}

/* "81,204 samples/s", with fewer digits when they are few */
static const char *rate_text(double rate, char buffer[48])
{
    char count[28];
    if (!isfinite(rate) || rate < 0) rate = 0;
    snprintf(buffer, 48, "%s samples/s", decant_count_text(llround(rate), count));
    return buffer;
}

/* "  accuracy 93.21 %", or nothing where no label was read */
static const char *accuracy_text(double accuracy, char buffer[32])
{
    buffer[0] = '\0';
    if (isfinite(accuracy)) snprintf(buffer, 32, "  accuracy %.2f %%", 100 * accuracy);
    return buffer;
}

void progress_finding(cli_progress *progress, const decant_finding *finding)
{
    if (progress->quiet) return;
    progress_break(progress);
    print_finding(stderr, finding);
}

void progress_start(cli_progress *progress, const decant_run_start *start)
{
    const decant_run_info *run = start->run;
    if (progress->quiet) return;
    progress_break(progress);
    progress->sheet_wanted = progress->run == NULL || strcmp(progress->run, run->name) != 0;
    progress->run = run->name;
    fprintf(stderr, "%s%s%s seed %" PRIu64 ": model %s", style_begin(stderr, STYLE_BOLD), run->name,
            style_begin(stderr, STYLE_PLAIN), start->seed, run->model);
    if (run->teacher != NULL) {
        fputs(", teacher ", stderr);
        print_line_part(stderr, run->teacher);
    }
    fprintf(stderr, ", %" PRId64 " epochs of batches of %" PRId64 "%s", run->epochs, run->batch,
            start->resumed ? ", resumed from its checkpoint" : "");
    if (start->count > 1) fprintf(stderr, " (%d of %d)", (int)start->number, (int)start->count);
    fputc('\n', stderr);
}

void progress_losses(cli_progress *progress, const decant_run_loss *losses, int32_t count)
{
    char *text = NULL;
    if (progress->quiet || !progress->sheet_wanted || decant_losses_text(losses, count, &text) != DECANT_OK) return;
    progress_break(progress);
    fputs(text, stderr);
    decant_text_free(text);
}

static int terminal_columns(void)
{
    struct winsize size;
    return ioctl(fileno(stderr), TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : USUAL_COLUMNS;
}

static const char *bar_text(int64_t done, int64_t count, char bar[BAR_WIDTH + 1])
{
    int64_t filled = count > 0 ? done * BAR_WIDTH / count : 0;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    return bar;
}

/* A line that wraps could not be taken back by the next one. */
static void show_bar(cli_progress *progress, const char *line)
{
    fprintf(stderr, "\r\033[K%.*s", terminal_columns() - 1, line);
    fflush(stderr);
    progress->bar_open = true;
}

void progress_teacher(cli_progress *progress, int64_t done, int64_t count)
{
    char bar[BAR_WIDTH + 1], asked[28], all[28], line[LINE_BYTES];
    if (!progress->bars) return;
    snprintf(line, sizeof line, "  asking the teacher [%s] %s of %s samples", bar_text(done, count, bar),
             decant_count_text(done, asked), decant_count_text(count, all));
    show_bar(progress, line);
}

void progress_batch(cli_progress *progress, const decant_run_progress *now)
{
    char bar[BAR_WIDTH + 1], rate[48], left[32], accuracy[32], line[LINE_BYTES];
    if (!progress->bars) return;
    snprintf(line, sizeof line, "  epoch %" PRId64 "/%" PRId64 " [%s] loss %.4f%s  %s left  %s", now->epoch + 1,
             now->epochs, bar_text(now->batch, now->batches, bar), now->loss, accuracy_text(now->accuracy, accuracy),
             duration_text(now->seconds_left, left), rate_text(now->images_per_second, rate));
    show_bar(progress, line);
}

void progress_epoch(cli_progress *progress, const decant_run_epoch *epoch)
{
    char rate[48], took[32], accuracy[32];
    if (progress->quiet) return;
    progress_break(progress);
    fprintf(stderr, "  epoch %" PRId64 "/%" PRId64 "  loss %.4f%s", epoch->epoch + 1, epoch->epochs, epoch->loss,
            accuracy_text(epoch->accuracy, accuracy));
    if (epoch->has_validation)
        fprintf(stderr, "  validation %.2f %%, %" PRId64 " errors%s", 100 * epoch->validation_accuracy,
                epoch->validation_errors, epoch->best ? " *" : "");
    fprintf(stderr, "  %s  %s\n", duration_text(epoch->seconds, took), rate_text(epoch->images_per_second, rate));
}

/* The one class that every test sample is answered with, wrongly in part; -1 where there is none. */
static int32_t only_answer(const decant_run_result *result)
{
    int32_t only = -1;
    if (result->test_errors == 0) return -1;
    for (int32_t c = 0; result->confusion != NULL && c < result->n_classes; c++) {
        int64_t predicted = 0;
        for (int32_t truth = 0; truth < result->n_classes; truth++)
            predicted += result->confusion[(int64_t)truth * result->n_classes + c];
        if (predicted == 0) continue;
        if (only >= 0) return -1;
        only = c;
    }
    return only;
}

void progress_result(cli_progress *progress, const decant_run_result *result)
{
    if (progress->quiet) return;
    progress_break(progress);
    if (result->skipped)
        fprintf(stderr, "%s seed %" PRIu64 ": already done, test accuracy %.2f %%\n", result->run, result->seed,
                100 * result->test_accuracy);
    else
        fprintf(stderr,
                "  test accuracy %.2f %%, %" PRId64 " errors of %" PRId64 "; weights of epoch %" PRId64 " in %s\n",
                100 * result->test_accuracy, result->test_errors, result->test_count, result->best_epoch + 1,
                result->directory);
    const int32_t only = only_answer(result);
    if (only >= 0)
        fprintf(stderr,
                "  every test sample is answered with class %d: nothing was learnt; try a lower learning rate, warm-up "
                "or gradient clipping\n",
                (int)only);
    if (result->correction != NULL)
        fprintf(stderr, "  before its biases were corrected by %s: %.2f %%, %" PRId64 " errors\n",
                result->correction->by, 100 * result->correction->accuracy, result->correction->errors);
    if (!result->skipped && result->teacher_cached)
        fprintf(stderr, "  %.1f %% of the teacher's answers came from the cache\n",
                100 * decant_result_hit_rate(result));
}
