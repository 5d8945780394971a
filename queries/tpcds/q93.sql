--! title = "Customers' store purchases net of returns for a reason"
--! question = "How much did each customer pay for store purchases of which something was returned for one reason, without the returned quantity?"
--! param.REASON = { default = "reason 28", text = "return_reasons" }

select
    ss_customer_sk,
    sum(act_sales) as sumsales
from (
    select
        ss_item_sk,
        ss_ticket_number,
        ss_customer_sk,
        case
            when sr_return_quantity is not null then (ss_quantity - sr_return_quantity) * ss_sales_price
            else ss_quantity * ss_sales_price
        end as act_sales
    from store_sales
    -- the join on the reason makes this outer join an inner one, as the definition has it this way
    left join store_returns
        on ss_item_sk = sr_item_sk
        and ss_ticket_number = sr_ticket_number
    join reason on sr_reason_sk = r_reason_sk
    where r_reason_desc = {REASON}
) as kept
group by ss_customer_sk
order by sumsales nulls first, ss_customer_sk nulls first
limit 100
