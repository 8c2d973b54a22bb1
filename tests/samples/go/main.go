// A client with net/http and bufio.Scanner, whose lines end at 64 KiB.
//
//	run BASE PROJECT KEY COMMAND
//	follow BASE PROJECT KEY STREAM_ID [LAST_EVENT_ID]
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
)

type outputEvent struct {
	Line   string `json:"line"`
	Stream string `json:"stream"`
}

type errorEvent struct {
	Message string `json:"message"`
}

// Both are ints: a fraction or an exponent makes Unmarshal fail.
type completeEvent struct {
	ExitCode   int `json:"exit_code"`
	DurationMs int `json:"duration_ms"`
}

func start(base, project, key, command string) (string, error) {
	body := strings.NewReader(fmt.Sprintf(`{"command": %q}`, command))
	req, err := http.NewRequest("POST", fmt.Sprintf("%s/projects/%s/shell", base, project), body)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-API-Key", key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var started struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err = json.NewDecoder(resp.Body).Decode(&started)
	return started.Data.ID, err
}

func follow(base, project, key, streamID, lastEventID string) (*completeEvent, error) {
	req, err := http.NewRequest("GET", fmt.Sprintf("%s/projects/%s/events?stream_id=%s", base, project, streamID), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-API-Key", key)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	fmt.Printf("Status: %d\n", resp.StatusCode)

	scanner := bufio.NewScanner(resp.Body)
	var eventType string
	for scanner.Scan() {
		line := scanner.Text()
		if strings.HasPrefix(line, "event:") {
			eventType = strings.TrimSpace(line[6:])
		} else if strings.HasPrefix(line, "data:") {
			data := []byte(line[5:])
			switch eventType {
			case "connected":
				fmt.Printf("Connected: %s\n", strings.TrimSpace(string(data)))
			case "output":
				var output outputEvent
				if err := json.Unmarshal(data, &output); err != nil {
					return nil, err
				}
				fmt.Printf("[%s] %s\n", output.Stream, output.Line)
			case "error":
				var failure errorEvent
				if err := json.Unmarshal(data, &failure); err != nil {
					return nil, err
				}
				fmt.Printf("Error: %s\n", failure.Message)
			case "complete":
				var complete completeEvent
				if err := json.Unmarshal(data, &complete); err != nil {
					return nil, err
				}
				return &complete, nil
			}
		}
	}
	return nil, scanner.Err()
}

func main() {
	mode, base, project, key, subject := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	streamID, lastEventID := subject, ""
	var err error
	if mode == "run" {
		streamID, err = start(base, project, key, subject)
	} else if len(os.Args) > 6 {
		lastEventID = os.Args[6]
	}
	var result *completeEvent
	if err == nil {
		result, err = follow(base, project, key, streamID, lastEventID)
	}
	if err != nil {
		panic(err)
	}
	// A stream that ends without `complete` gives nil here, and the program fails.
	fmt.Printf("Exit code: %d\n", result.ExitCode)
}
