#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tests/support/temporary_folder.h"

namespace claimstorm::test {

/// An authority of a test's own and what it has signed, as PEM files in a folder that goes away.
class Certificates {
  public:
    Certificates() : authority_(make_key()) {
        authority_name_ = "claimstorm test authority";
        auto certificate = make_certificate(authority_.get(), authority_name_, "", authority_.get(),
                                            authority_name_, true);
        write(path("ca.pem"), certificate.get());
    }

    /// Writes NAME.pem and NAME.key, signed by the authority, for `alt_names` as OpenSSL writes
    /// them: "IP:127.0.0.1,DNS:shop.test".
    void issue(const std::string& name, const std::string& alt_names) {
        const Key key = make_key();
        auto certificate =
            make_certificate(key.get(), name, alt_names, authority_.get(), authority_name_, false);
        write(path(name + ".pem"), certificate.get());
        write(path(name + ".key"), key.get());
    }

    /// The same, signed by itself.
    void issue_self_signed(const std::string& name, const std::string& alt_names) {
        const Key key = make_key();
        auto certificate = make_certificate(key.get(), name, alt_names, key.get(), name, false);
        write(path(name + ".pem"), certificate.get());
        write(path(name + ".key"), key.get());
    }

    std::string path(const std::string& file) const { return (folder_.path / file).string(); }
    std::string ca() const { return path("ca.pem"); }

  private:
    struct Free {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
        void operator()(X509* certificate) const { X509_free(certificate); }
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    using Key = std::unique_ptr<EVP_PKEY, Free>;
    using Certificate = std::unique_ptr<X509, Free>;
    using File = std::unique_ptr<std::FILE, Free>;

    static Key make_key() {
        Key key(EVP_EC_gen("P-256"));
        if (!key) throw std::runtime_error("no key could be made");
        return key;
    }

    static void add_extension(X509* certificate, int kind, const std::string& value) {
        X509_EXTENSION* extension =
            X509V3_EXT_conf_nid(nullptr, nullptr, kind, const_cast<char*>(value.c_str()));
        if (extension == nullptr) throw std::runtime_error("bad extension " + value);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }

    static X509_NAME* named(X509_NAME* name, const std::string& text) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
        return name;
    }

    static Certificate make_certificate(EVP_PKEY* key, const std::string& name,
                                        const std::string& alt_names, EVP_PKEY* issuer_key,
                                        const std::string& issuer, bool is_authority) {
        static long serial = 1;
        Certificate certificate(X509_new());
        X509* x = certificate.get();
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
        X509_gmtime_adj(X509_getm_notBefore(x), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x), 86400);
        X509_set_pubkey(x, key);
        named(X509_get_subject_name(x), name);
        named(X509_get_issuer_name(x), issuer);
        if (is_authority) add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
        if (!alt_names.empty()) add_extension(x, NID_subject_alt_name, alt_names);
        if (X509_sign(x, issuer_key, EVP_sha256()) == 0) throw std::runtime_error("not signed");
        return certificate;
    }

    static void write(const std::string& file, X509* certificate) {
        const File out(std::fopen(file.c_str(), "w"));
        if (!out || PEM_write_X509(out.get(), certificate) != 1) throw std::runtime_error(file);
    }
    static void write(const std::string& file, EVP_PKEY* key) {
        const File out(std::fopen(file.c_str(), "w"));
        if (!out ||
            PEM_write_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
            throw std::runtime_error(file);
        }
    }

    TemporaryFolder folder_;
    Key authority_;
    std::string authority_name_;
};

/// A server's side of TLS: its certificate, which protocol it agrees to, whom it lets in.
class TlsServerContext {
  public:
    /// `protocol` as ALPN names it; empty: the server knows no ALPN.
    TlsServerContext(const Certificates& certificates, const std::string& name,
                     std::string protocol = "http/1.1", bool wants_client = false,
                     int version_max = 0)
        : context_(SSL_CTX_new(TLS_server_method())), protocol_(std::move(protocol)) {
        if (SSL_CTX_use_certificate_chain_file(context_,
                                               certificates.path(name + ".pem").c_str()) != 1 ||
            SSL_CTX_use_PrivateKey_file(context_, certificates.path(name + ".key").c_str(),
                                        SSL_FILETYPE_PEM) != 1) {
            throw std::runtime_error("the server's certificate cannot be used");
        }
        SSL_CTX_set_max_proto_version(context_, version_max);
        if (!protocol_.empty()) SSL_CTX_set_alpn_select_cb(context_, choose, this);
        if (wants_client) {
            SSL_CTX_load_verify_locations(context_, certificates.ca().c_str(), nullptr);
            SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                               nullptr);
        }
    }
    ~TlsServerContext() { SSL_CTX_free(context_); }
    TlsServerContext(const TlsServerContext&) = delete;
    TlsServerContext& operator=(const TlsServerContext&) = delete;

    SSL_CTX* get() const { return context_; }

  private:
    static int choose(SSL*, const unsigned char** chosen, unsigned char* size,
                      const unsigned char* offered, unsigned offered_size, void* self) {
        const std::string& wanted = static_cast<TlsServerContext*>(self)->protocol_;
        for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
            if (wanted != std::string(reinterpret_cast<const char*>(offered) + at + 1, offered[at]))
                continue;
            *chosen = offered + at + 1;
            *size = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
        return SSL_TLSEXT_ERR_NOACK;
    }

    SSL_CTX* context_;
    std::string protocol_;
};

}  // namespace claimstorm::test
