// The steps of ScanNet's Segmentator (https://github.com/ScanNet/ScanNet/tree/master/Segmentator) over a mesh in memory, to be timed: the same
// running means of face normals, weights, sort and two passes over a union-find. It prints the fastest run's milliseconds and the number of segments.
//
// Input: two u32, the numbers of vertices and triangles; three f32 a vertex; three u32 a triangle.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

constexpr float THRESHOLD = 0.01f;
constexpr int MINIMUM = 20;

struct Vector {
    float x = 0, y = 0, z = 0;
};

struct Edge {
    float weight;
    int a, b;
    bool operator<(const Edge &other) const { return weight < other.weight; }
};

struct Forest {
    struct Node {
        int rank, parent, size;
    };
    std::vector<Node> nodes;

    explicit Forest(int count) : nodes(count) {
        for (int i = 0; i < count; i++) nodes[i] = {0, i, 1};
    }

    int find(int x) {
        int y = x;
        while (y != nodes[y].parent) y = nodes[y].parent;
        nodes[x].parent = y;
        return y;
    }

    void join(int x, int y) {
        if (nodes[x].rank > nodes[y].rank) std::swap(x, y);
        nodes[x].parent = y;
        nodes[y].size += nodes[x].size;
        if (nodes[x].rank == nodes[y].rank) nodes[y].rank++;
    }
};

static Vector minus(Vector a, Vector b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
static float dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static Vector unit(Vector a) {
    float length = std::sqrt(dot(a, a));
    return {a.x / length, a.y / length, a.z / length};
}
static Vector cross(Vector a, Vector b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }

static std::vector<int> segment(const std::vector<Vector> &points, const std::vector<uint32_t> &corners) {
    std::vector<Vector> normals(points.size());
    std::vector<int> counts(points.size());
    std::vector<Edge> edges(corners.size());
    for (size_t i = 0; i < corners.size(); i += 3) {
        int a = corners[i], b = corners[i + 1], c = corners[i + 2];
        edges[i] = {0, a, b};
        edges[i + 1] = {0, a, c};
        edges[i + 2] = {0, c, b};
        Vector face = unit(cross(minus(points[b], points[a]), minus(points[c], points[a])));
        for (int corner : {a, b, c}) {
            float v = 1.0f / (counts[corner] + 1.0f), u = 1.0f - v;
            Vector &mean = normals[corner];
            mean = {v * face.x + u * mean.x, v * face.y + u * mean.y, v * face.z + u * mean.z};
            counts[corner]++;
        }
    }
    for (Edge &edge : edges) {
        Vector along = unit(minus(points[edge.b], points[edge.a]));
        float bend = 1.0f - dot(normals[edge.a], normals[edge.b]);
        edge.weight = dot(normals[edge.b], along) > 0 ? bend * bend : bend;
    }
    std::sort(edges.begin(), edges.end());
    Forest forest(points.size());
    std::vector<float> limits(points.size(), THRESHOLD);
    for (const Edge &edge : edges) {
        int a = forest.find(edge.a), b = forest.find(edge.b);
        if (a != b && edge.weight <= limits[a] && edge.weight <= limits[b]) {
            forest.join(a, b);
            a = forest.find(a);
            limits[a] = edge.weight + THRESHOLD / forest.nodes[a].size;
        }
    }
    for (const Edge &edge : edges) {
        int a = forest.find(edge.a), b = forest.find(edge.b);
        if (a != b && (forest.nodes[a].size < MINIMUM || forest.nodes[b].size < MINIMUM)) forest.join(a, b);
    }
    std::vector<int> segments(points.size());
    for (size_t i = 0; i < points.size(); i++) segments[i] = forest.find(i);
    return segments;
}

int main(int count, char **arguments) {
    if (count < 3) return 1;
    std::ifstream file(arguments[1], std::ios::binary);
    uint32_t sizes[2] = {0, 0};
    file.read(reinterpret_cast<char *>(sizes), sizeof sizes);
    std::vector<Vector> points(sizes[0]);
    std::vector<uint32_t> corners(3 * size_t(sizes[1]));
    file.read(reinterpret_cast<char *>(points.data()), points.size() * sizeof(Vector));
    file.read(reinterpret_cast<char *>(corners.data()), corners.size() * sizeof(uint32_t));
    double fastest = INFINITY;
    std::vector<int> segments;
    for (int run = std::atoi(arguments[2]); run > 0; run--) {
        auto start = std::chrono::steady_clock::now();
        segments = segment(points, corners);
        fastest = std::min(fastest, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(segments.begin(), segments.end());
    std::printf("%.1f %zu\n", fastest, size_t(std::unique(segments.begin(), segments.end()) - segments.begin()));
}
