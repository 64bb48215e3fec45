/* One file through libcurl: redirects, resumption, bounds and stalls. */
#include "data/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "data/curl.h"

#define CONNECT_SECONDS 20L
#define STALL_SECONDS   30L
#define MAX_REDIRECTS   8L
#define HTTP_RANGE      416L /* nothing is left of the range that was asked for */

typedef struct transfer {
    const dcn_fetch *fetch;
    const dcn_curl *curl;
    CURL *handle;
    int file;
    int64_t before, done; /* bytes in the file: before this try, and now */
    bool stopped, too_large;
    int disk_error; /* errno of a write that failed; 0: none did */
    char words[CURL_ERROR_SIZE];
} transfer;

static size_t take_bytes(char *data, size_t size, size_t count, void *context)
{
    transfer *now = context;
    size_t bytes = size * count, written = 0;
    if ((int64_t)bytes > now->fetch->max_bytes - now->done) {
        now->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    while (written < bytes) {
        ssize_t some = write(now->file, data + written, bytes - written);
        if (some < 0 && errno == EINTR) continue;
        if (some < 0) {
            now->disk_error = errno;
            return CURL_WRITEFUNC_ERROR;
        }
        written += (size_t)some;
        now->done += some;
    }
    return bytes;
}

static int tell(void *context, curl_off_t total, curl_off_t done, curl_off_t unused_total, curl_off_t unused_done)
{
    transfer *now = context;
    (void)unused_total;
    (void)unused_done;
    (void)done;
    int64_t all = total > 0 ? now->before + (int64_t)total : 0;
    if (now->fetch->progress == NULL || now->fetch->progress(now->fetch->context, now->done, all)) return 0;
    now->stopped = true;
    return 1;
}

/* The options that can only fail for lack of memory are checked by perform itself. */
static void set_options(transfer *now)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = now->curl->setopt;
    CURL *handle = now->handle;
    set(handle, CURLOPT_URL, now->fetch->url);
    set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(handle, CURLOPT_FOLLOWLOCATION, 1L);
    set(handle, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    set(handle, CURLOPT_FAILONERROR, 1L);
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_USERAGENT, "decant/" DECANT_VERSION);
    set(handle, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    set(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(handle, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
    set(handle, CURLOPT_ERRORBUFFER, now->words);
    set(handle, CURLOPT_WRITEFUNCTION, take_bytes);
    set(handle, CURLOPT_WRITEDATA, now);
    set(handle, CURLOPT_XFERINFOFUNCTION, tell);
    set(handle, CURLOPT_XFERINFODATA, now);
    set(handle, CURLOPT_NOPROGRESS, 0L);
    set(handle, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)now->before);
}

/* Throws away what has come, to begin anew. */
static decant_status start_over(transfer *now)
{
    if (ftruncate(now->file, 0) != 0 || lseek(now->file, 0, SEEK_SET) != 0)
        return dcn_path_failure("cannot be written anew", now->fetch->path);
    now->before = now->done = 0;
    return DECANT_OK;
}

static decant_status explain(const transfer *now, CURLcode code)
{
    const dcn_fetch *fetch = now->fetch;
    long answer = 0;
    now->curl->getinfo(now->handle, CURLINFO_RESPONSE_CODE, &answer);
    const char *words = now->words[0] != '\0' ? now->words : now->curl->strerror(code);
    if (now->stopped) return DCN_FAIL(INTERRUPTED, "stopped; the same command goes on from here");
    if (now->disk_error != 0) {
        errno = now->disk_error;
        return dcn_path_failure("cannot be written", fetch->path);
    }
    if (now->too_large)
        return DCN_FAIL(FORMAT, "%s: sends more than the %lld bytes that the file can have", fetch->url,
                        (long long)fetch->max_bytes);
    if (code == CURLE_OUT_OF_MEMORY) return DCN_FAIL(NO_MEMORY, "no memory to fetch %s", fetch->url);
    if (answer == 404 || answer == 410)
        return DCN_FAIL(NOT_FOUND, "%s: there is no such file (HTTP %ld)", fetch->url, answer);
    if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING)
        return DCN_FAIL(IO, "%s: stopped after %lld bytes: %s", fetch->url, (long long)now->done, words);
    return DCN_FAIL(IO, "%s: %s", fetch->url, words);
}

/* Once more from the beginning where the server cannot continue, or has nothing beyond what is here. */
static decant_status perform(transfer *now)
{
    CURLcode code = CURLE_OK;
    for (int try = 0; try < 2; try++) {
        long answer = 0;
        now->words[0] = '\0';
        set_options(now);
        code = now->curl->perform(now->handle);
        now->curl->getinfo(now->handle, CURLINFO_RESPONSE_CODE, &answer);
        if (code == CURLE_OK) return DECANT_OK;
        bool cannot_continue = now->before > 0 && (code == CURLE_RANGE_ERROR || answer == HTTP_RANGE);
        if (!cannot_continue) break;
        TRY_RETURN(start_over(now));
    }
    return explain(now, code);
}

decant_status dcn_fetch_file(const dcn_fetch *fetch)
{
    transfer now = {.fetch = fetch, .file = -1};
    struct stat about;
    decant_status status = DECANT_OK;
    TRY_RETURN(dcn_curl_load(&now.curl));
    now.handle = now.curl->init();
    if (now.handle == NULL) return DCN_FAIL(NO_MEMORY, "no memory to fetch %s", fetch->url);
    now.file = open(fetch->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (now.file < 0 || fstat(now.file, &about) != 0) {
        status = dcn_path_failure("cannot be written", fetch->path);
        goto out;
    }
    now.before = now.done = about.st_size;
    if (now.before >= fetch->max_bytes) TRY(start_over(&now));
    TRY(perform(&now));
    if (fsync(now.file) != 0) status = dcn_path_failure("cannot be flushed to disk", fetch->path);
out:
    if (now.file >= 0) close(now.file);
    if (status != DECANT_OK && now.file >= 0 && now.done == 0) (void)unlink(fetch->path); /* nothing came */
    now.curl->cleanup(now.handle);
    return status;
}
