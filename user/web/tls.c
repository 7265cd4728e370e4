/* SPDX-License-Identifier: GPL-2.0 */
#include "web/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/secret.h"
#include "conf/conf.h"

/* A private key that everybody may read is none. A group may: Debian's is ssl-cert. */
static int open_pem(const char *path, bool secret, int *ret_fd, char **ret_why)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == EACCES)
		return fault(ret_why, -EACCES,
			     "the web page's TLS cannot read '%s': the account that 'ajar web' "
			     "runs as (uid %u) needs to, or LoadCredential= of its unit hands it "
			     "over",
			     path, (unsigned)geteuid());
	if (fd < 0 || fstat(fd, &st))
		return fault(ret_why, -errno, "the web page's TLS cannot read '%s': %s", path,
			     strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault(ret_why, -EINVAL, "the web page's TLS: '%s' is no file", path);
	if (secret && (st.st_mode & 007))
		return fault(ret_why, -EACCES,
			     "'%s' holds a private key and everybody can read it: 'chmod o= %s'",
			     path, path);
	*ret_fd = take_fd(fd);
	return 0;
}

static int read_pem(const char *path, bool secret, char **ret_text, char **ret_why)
{
	_close_ int fd = -1;
	int err = open_pem(path, secret, &fd, ret_why);
	char *text;
	ssize_t n;

	if (err)
		return err;
	text = malloc(WEB_PEM_MAX + 1);
	if (!text)
		return -ENOMEM;
	n = read(fd, text, WEB_PEM_MAX + 1);
	err = n < 0 ? -errno : 0;
	if (n >= 0 && n <= WEB_PEM_MAX) {
		text[n] = '\0';
		if (strstr(text, secret ? "PRIVATE KEY-----" : "-----BEGIN CERTIFICATE-----")) {
			*ret_text = text;
			return 0;
		}
	}
	explicit_bzero(text, n > 0 ? (size_t)n : 0);
	free(text);
	return err ? fault(ret_why, err, "the web page's TLS cannot read '%s': %s", path,
			   strerror(-err))
		   : fault(ret_why, -EINVAL,
			   "'%s' holds no %s in PEM ('-----BEGIN ...'), which the web page's TLS "
			   "needs",
			   path, secret ? "private key" : "certificate");
}

int web_tls_read(const struct conf *conf, struct web_tls *ret_tls, char **ret_why)
{
	const char *key = *conf->web_tls_key ? conf->web_tls_key : conf->web_tls_cert;
	struct web_tls tls = { 0 };
	int err;

	*ret_tls = tls;
	if (!*conf->web_tls_cert)
		return 0;
	err = read_pem(conf->web_tls_cert, false, &tls.cert, ret_why);
	if (!err)
		err = read_pem(key, true, &tls.key, ret_why);
	if (err) {
		web_tls_done(&tls);
		return err;
	}
	*ret_tls = tls;
	return 0;
}

void web_tls_done(struct web_tls *tls)
{
	secret_free(tls->key);
	free(tls->cert);
	*tls = (struct web_tls){ 0 };
}
