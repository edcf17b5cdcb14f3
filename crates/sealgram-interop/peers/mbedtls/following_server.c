/* A server made of Mbed TLS for the interoperability tests, on a socket that is not connected: it goes on with a client
 * that comes from another address, and answers to where the latest datagram came from. ssl_server2 cannot: it connects
 * its socket. It says in lines what happens, and sends back what it receives.
 *
 *   following_server CHAIN KEY ID      the files in PEM, its connection ID in hexadecimal */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/entropy.h"
#include "mbedtls/ssl.h"
#include "mbedtls/ssl_cookie.h"
#include "mbedtls/timing.h"

struct path {
    int socket;
    struct sockaddr_in client;
};

static void ends_if(int result, const char *what)
{
    if (result != 0) {
        printf("failed: %s: -0x%x\n", what, (unsigned) -result);
        exit(1);
    }
}

static int send_to_latest(void *context, const unsigned char *datagram, size_t len)
{
    struct path *path = context;
    ssize_t sent = sendto(path->socket, datagram, len, 0, (struct sockaddr *) &path->client, sizeof path->client);
    return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int) sent;
}

static int receive_from_anywhere(void *context, unsigned char *datagram, size_t len, uint32_t timeout_ms)
{
    struct path *path = context;
    struct pollfd waiting = { .fd = path->socket, .events = POLLIN };
    if (poll(&waiting, 1, timeout_ms == 0 ? -1 : (int) timeout_ms) == 0) {
        return MBEDTLS_ERR_SSL_TIMEOUT;
    }
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t received = recvfrom(path->socket, datagram, len, 0, (struct sockaddr *) &from, &from_len);
    if (received < 0) {
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    if (from.sin_port != path->client.sin_port) {
        printf("heard from port %u\n", ntohs(from.sin_port));
    }
    path->client = from;
    return (int) received;
}

static size_t bytes_of(const char *hex, unsigned char *bytes, size_t most)
{
    size_t len = 0;
    unsigned byte;
    while (len < most && sscanf(hex + 2 * len, "%2x", &byte) == 1) {
        bytes[len++] = (unsigned char) byte;
    }
    return len;
}

int main(int count, char **arguments)
{
    static mbedtls_entropy_context entropy;
    static mbedtls_ctr_drbg_context random;
    static mbedtls_x509_crt chain;
    static mbedtls_pk_context key;
    static mbedtls_ssl_cookie_ctx cookies;
    static mbedtls_ssl_config config;
    static mbedtls_ssl_context ssl;
    static mbedtls_timing_delay_context timer;
    unsigned char id[MBEDTLS_SSL_CID_IN_LEN_MAX];
    struct path path = { .socket = socket(AF_INET, SOCK_DGRAM, 0) };
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t here_len = sizeof here;

    if (count != 4) {
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    mbedtls_ssl_cookie_init(&cookies);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    ends_if(psa_crypto_init(), "PSA");
    ends_if(mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0), "seed");
    ends_if(mbedtls_x509_crt_parse_file(&chain, arguments[1]), "chain");
    ends_if(mbedtls_pk_parse_keyfile(&key, arguments[2], NULL, mbedtls_ctr_drbg_random, &random), "key");
    ends_if(mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT), "defaults");
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    ends_if(mbedtls_ssl_conf_own_cert(&config, &chain, &key), "certificate");
    ends_if(mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &random), "cookies");
    mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookies);
    size_t id_len = bytes_of(arguments[3], id, sizeof id);
    ends_if(mbedtls_ssl_conf_cid(&config, id_len, MBEDTLS_SSL_UNEXPECTED_CID_IGNORE), "length of connection IDs");
    ends_if(mbedtls_ssl_setup(&ssl, &config), "setup");
    mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
    mbedtls_ssl_set_bio(&ssl, &path, send_to_latest, NULL, receive_from_anywhere);

    ends_if(bind(path.socket, (struct sockaddr *) &here, here_len), "address");
    ends_if(getsockname(path.socket, (struct sockaddr *) &here, &here_len), "address");
    printf("listening at 127.0.0.1:%u\n", ntohs(here.sin_port));

    /* The first datagram says who it is whose cookie is made; it is left for the handshake to read. */
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    unsigned char first;
    ends_if(recvfrom(path.socket, &first, 1, MSG_PEEK, (struct sockaddr *) &from, &from_len) < 0, "first datagram");
    int result;
    do {
        ends_if(mbedtls_ssl_session_reset(&ssl), "reset");
        ends_if(mbedtls_ssl_set_cid(&ssl, MBEDTLS_SSL_CID_ENABLED, id, id_len), "connection ID");
        ends_if(mbedtls_ssl_set_client_transport_id(&ssl, (unsigned char *) &from, sizeof from), "client");
        do {
            result = mbedtls_ssl_handshake(&ssl);
        } while (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE);
    } while (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED);
    ends_if(result, "handshake");
    printf("connected\n");

    unsigned char data[MBEDTLS_SSL_IN_CONTENT_LEN];
    for (;;) {
        result = mbedtls_ssl_read(&ssl, data, sizeof data);
        if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) {
            continue;
        }
        if (result <= 0) {
            break;
        }
        printf("received: %.*s", result, data);
        ends_if(mbedtls_ssl_write(&ssl, data, (size_t) result) != result, "answer");
    }
    ends_if(result == 0 ? 0 : result - MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, "data");
    printf("closed by the other end\n");
    return 0;
}
