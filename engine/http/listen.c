/* SPDX-License-Identifier: MIT
 * listen.c: from "host:port" to a bound socket. The loops share it by dup(2), not by SO_REUSEPORT: with that,
 * any process of the same user could bind the port too and take connections away unseen.
 */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

/* Cuts "host:port" in two; brackets around an IPv6 address are dropped. */
static bool split(const char *address, char *host, size_t host_size, char *port, size_t port_size)
{
    const char *colon = strrchr(address, ':');
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - address);

    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= port_size)
        return false;
    if (strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    if (host_len >= 2 && address[0] == '[' && address[host_len - 1] == ']') {
        address++;
        host_len -= 2;
    } else if (memchr(address, ':', host_len) != NULL) {
        return false; /* an IPv6 address needs its brackets */
    }
    if (host_len >= host_size)
        return false;
    memcpy(host, address, host_len);
    host[host_len] = '\0';
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
    return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
}

static int bind_one(const struct addrinfo *info)
{
    int on = 1, fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int code = -errno;

        close(fd);
        return code;
    }
    return fd;
}

/* The caller frees *ret_found with freeaddrinfo. */
static int resolve(const char *address, const char *option, struct addrinfo **ret_found,
                   struct ordo_error *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    char host[256], port[6];
    int result;

    if (!split(address, host, sizeof(host), port, sizeof(port)) ||
        (strlen(port) == 5 && strcmp(port, "65535") > 0))
        return ordo_fail(err, ORDO_ECONFIG, option,
                         "'%s' is no address to listen on; write host:port, as 127.0.0.1:8080 or [::1]:8080",
                         address);
    if (host[0] == '\0')
        hints.ai_family = AF_INET;
    result = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, ret_found);
    if (result != 0)
        return ordo_fail(err, ORDO_ECONFIG, option, "'%s' has no address: %s", address, gai_strerror(result));
    return 0;
}

int ordo__listen_check(const char *address, const char *option, bool *ret_is_loopback, struct ordo_error *err)
{
    struct addrinfo *found;
    int result = resolve(address, option, &found, err);

    if (result != 0)
        return result;
    *ret_is_loopback = is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return 0;
}

int ordo__listen(const char *address, const char *option, struct ordo__listener *ret_listener,
                 struct ordo_error *err)
{
    struct addrinfo *found;
    int result = resolve(address, option, &found, err);

    if (result != 0)
        return result;
    result = bind_one(found);
    if (result >= 0)
        *ret_listener = (struct ordo__listener){
            .fd = result, .port = bound_port(result), .is_loopback = is_loopback(found->ai_addr)};
    freeaddrinfo(found);
    if (result < 0)
        return ordo_fail(err, result, option, "cannot listen on %s: %s", address, strerror(-result));
    return 0;
}
