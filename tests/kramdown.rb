# Reads a list of posts as JSON and writes each as Jekyll would: front matter, Liquid, kramdown.
require "json"
require "kramdown"
require "kramdown-parser-gfm"
require "liquid"
require "yaml"

Liquid::Template.error_mode = :strict
posts = JSON.parse(STDIN.read).map do |source|
  front, body = source.match(/\A---\n(.*?)^---\n(.*)\z/m)&.captures || ["", source]
  document = Kramdown::Document.new(Liquid::Template.parse(body).render!({}, strict_variables: true), input: "GFM")
  { front: YAML.safe_load(front), html: document.to_html, warnings: document.warnings }
end
puts JSON.generate(posts)
