#include "serve/file_server.h"

#include <chrono>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <poll.h>

#include "common/base/error.h"
#include "common/base/system.h"
#include "serve/http_reply.h"

namespace tilepool {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;

/// Browsers open about six connections, and some that they never use.
constexpr std::size_t kThreads = 16;
/// Of a connection that says nothing.
constexpr std::chrono::seconds kReadLimit{3};
constexpr std::chrono::seconds kWriteLimit{120};
constexpr int kPoll_ms = 200;

/// One connection: one request and its answer.
class Connection {
 public:
  Connection(const Site& site, int socket) : site_(site) {
    stream_.socket().assign(Tcp::v4(), socket);
  }

  void serve() {
    beast::flat_buffer buffer;
    http::request_parser<http::empty_body> parser;
    if (!within(kReadLimit, [&](auto done) { http::async_read(stream_, buffer, parser, done); }))
      return;  // nothing that could be answered
    const auto& request = parser.get();
    const auto word = [](beast::string_view text) {
      return std::string_view(text.data(), text.size());
    };
    head_only_ = request.method() == http::verb::head;
    send(answer(site_, word(request.method_string()), word(request.target()),
                word(request[http::field::host])));
    beast::error_code gone;
    stream_.socket().shutdown(Tcp::socket::shutdown_both, gone);
  }

 private:
  /// Runs one operation to its end; false when it failed or took too long.
  template <class Start>
  bool within(std::chrono::seconds limit, Start start) {
    bool well = false;
    stream_.expires_after(limit);
    start([&well](beast::error_code problem, std::size_t) { well = !problem; });
    context_.restart();
    context_.run();
    return well;
  }

  void send(const HttpReply& reply) {
    if (reply.file.empty()) return send<http::string_body>(reply, reply.body, reply.body.size());
    http::file_body::value_type file;
    beast::error_code problem;
    file.open(reply.file.c_str(), beast::file_mode::scan, problem);
    if (problem) return send({.status = 404, .body = "the file cannot be read\n"});
    const std::uint64_t size = file.size();
    send<http::file_body>(reply, std::move(file), size);
  }

  template <class Body>
  void send(const HttpReply& reply, typename Body::value_type body, std::uint64_t size) {
    http::response<Body> response{std::piecewise_construct, std::make_tuple(std::move(body))};
    response.result(static_cast<unsigned>(reply.status));
    response.version(11);
    response.set(http::field::content_type, reply.content_type);
    response.set(http::field::cache_control, "no-cache");
    response.set("Referrer-Policy", "no-referrer");  // the address holds the secret
    response.set("X-Content-Type-Options", "nosniff");
    if (!reply.location.empty()) response.set(http::field::location, reply.location);
    response.content_length(size);
    response.keep_alive(false);
    http::response_serializer<Body> serializer(response);
    // A browser that went away is no error of ours.
    (void)within(kWriteLimit, [&](auto done) {
      if (head_only_) {
        http::async_write_header(stream_, serializer, done);
      } else {
        http::async_write(stream_, serializer, done);
      }
    });
  }

  const Site& site_;
  asio::io_context context_;
  beast::tcp_stream stream_{context_};
  bool head_only_ = false;
};

}  // namespace

struct FileServer::State {
  Site site;
  asio::io_context context;
  Tcp::acceptor acceptor{context};
};

FileServer::FileServer(const std::filesystem::path& folder, std::uint16_t port)
    : state_(std::make_unique<State>()) {
  check(std::filesystem::is_directory(folder), ErrorCode::kNoInput, "{} is no folder",
        folder.string());
  state_->site = {std::filesystem::canonical(folder), make_uuid4()};
  beast::error_code problem;
  Tcp::acceptor& acceptor = state_->acceptor;
  acceptor.open(Tcp::v4(), problem);
  if (!problem) acceptor.set_option(asio::socket_base::reuse_address(true), problem);
  if (!problem) acceptor.bind({asio::ip::address_v4::loopback(), port}, problem);
  if (!problem) acceptor.listen(asio::socket_base::max_listen_connections, problem);
  if (!problem) acceptor.non_blocking(true, problem);
  check(!problem, ErrorCode::kIo,
        "cannot listen at 127.0.0.1:{}: {}; name another --port, or 0 for "
        "any that is free",
        port, problem.message());
}

FileServer::~FileServer() = default;

std::uint16_t FileServer::port() const { return state_->acceptor.local_endpoint().port(); }

std::string FileServer::url() const {
  return fmt::format("http://127.0.0.1:{}/{}/", port(), state_->site.secret);
}

void FileServer::run(const std::function<bool()>& stopped) {
  asio::thread_pool pool(kThreads);
  pollfd waiting{state_->acceptor.native_handle(), POLLIN, 0};
  while (!stopped()) {
    if (::poll(&waiting, 1, kPoll_ms) <= 0) continue;
    beast::error_code problem;
    Tcp::socket socket(state_->context);
    state_->acceptor.accept(socket, problem);
    const int handle = problem ? -1 : socket.release(problem);
    if (problem) continue;  // it went away again
    asio::post(pool, [this, handle] { Connection(state_->site, handle).serve(); });
  }
  pool.join();
}

}  // namespace tilepool
